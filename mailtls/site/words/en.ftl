# All words of the public site. A message that is not here, or that lacks what it names, is an error.

## All pages
skip = Skip to the content
nav = Main
nav-overview = Overview
nav-incidents = Incidents
nav-trends = Trends
nav-methodology = Methodology
nav-glossary = Glossary
nav-snapshots = Snapshots
feed-all = Incidents of all providers
stale-head = This is old.
stale = It shows what was known at { $as_of }, was good until { $until }, and nothing newer has been published. Nothing here says how things are now.
blind-head = The observer could not see.
blind = At that time vantage { $vantage } could measure hardly anything, for a reason of its own. What is shown was measured before, and speaks of nobody's loss.
as-of = As of { $as_of }; good until { $until }.
made-by = Measured by { $program } from vantage { $vantage }.
snapshot = Snapshot { $number }
published-by = Published by
contact = Contact
licence = The data may be used under
as-json = All domains as JSON
as-csv = All domains as CSV
as-feed = Feed of incidents
as-api = Description of the API

## Times
time = { $day } { $minute } UTC
time-never = never yet

## Verdicts, levels, marks and trends
verdict-protected = protected
verdict-degraded = degraded
verdict-unprotected = unprotected
verdict-unknown = could not be measured
verdict-no-mail = takes no mail
level-good = good
level-sufficient = sufficient
level-phase-out = phase out
level-insufficient = insufficient
level-none = no grade
level-nothing = does not apply
check-mark-has = measured, and it is there
check-mark-less = measured, and weaker
check-mark-lacks = measured, and it is not there
check-mark-none = does not apply
check-mark-unmeasured = could not be measured
check-mark-unwatched = not watched yet
verdict-mark-has = protected
verdict-mark-less = degraded
verdict-mark-lacks = unprotected
verdict-mark-none = takes no mail
verdict-mark-unmeasured = could not be measured
verdict-mark-unwatched = not watched yet
run-has = { $shown }
run-less = weaker: { $shown }
run-lacks = lacking: { $shown }
run-none = does not apply: { $shown }
run-unmeasured = could not be measured ({ $shown })
run-unwatched = not watched yet: { $shown }
legend-has = above the line, high: measured, and it is there (protected)
legend-less = above the line, half as high: measured, and weaker than it was (degraded)
legend-lacks = below the line: measured, and it is not there (unprotected)
legend-none = a thin line: it does not apply (takes no mail)
legend-unmeasured = across the line, hatched: nothing could be measured, which says nothing against anybody
legend-unwatched = a dotted line: not watched yet
trend-better = better
trend-worse = worse
trend-same = unchanged
trend-mixed = better and worse
trend-unknown = cannot be told
trend-lost = lost: { $checks }
trend-gained = gained: { $checks }
run-day = { $day }: { $what }
run-days = { $first } to { $last }: { $what }
days-of = { $what } on { $days ->
    [one] 1 day
   *[other] { $days } days
  }
bar-title = { $what }, { $first } to { $last }

## Overview
overview-title = Overview
overview-head = Is mail encrypted on its way to these providers?
summary = Of { $domains ->
    [one] 1 domain
   *[other] { $domains } domains
  } of { $providers ->
    [one] 1 provider
   *[other] { $providers } providers
  }, when last measured: { $parts }.
summary-nothing = Nothing has been measured yet.
summary-protected = { $count } protected
summary-degraded = { $count } degraded
summary-unprotected = { $count } unprotected
summary-no-mail = { $count ->
    [one] 1 takes no mail
   *[other] { $count } take no mail
  }
summary-unknown = { $count } could not be measured
summary-waiting = { $count } not looked at yet
providers = Providers
order = In order:
order-worst = worst first
order-name = by name
overview-caption = Every provider: the verdict of its worst domain, the last days, and its worst grade by each policy
provider = Provider
state = State
state-domains = { $all ->
    [one] 1 domain
   *[other] { $count } of { $all } domains
  }
last-days = Last days
trend = Trend
grade-by = By { $policy }
last-measured = Last measured
legend = What the signs mean

## Badges
badge-label = mail TLS
badge-never = never
badge-stale = out of date
badge-protected = protected
badge-degraded = degraded
badge-unprotected = unprotected
badge-unknown = not measured
badge-no-mail = no mail
badge-title = { $name }: { $verdict }; looked at { $day }
badge-title-stale = { $name }: out of date; { $verdict } when it was looked at { $day }

## Feeds
feed-title = { $title }: incidents
feed-title-of = { $provider }: incidents
feed-confirmed = { $check } became weaker: { $where }
feed-recovered = { $check } is back: { $where }
feed-accepted = The loss of { $check } was accepted by the operator of this site: { $where }
feed-retired = { $check } is not watched there any more: { $where }
feed-where = { $names }{ $more ->
    [0] {""}
   *[other] {" "}and { $more } more
  }
feed-text = From { $since } on it was “{ $after }” instead of “{ $before }”; confirmed { $confirmed } from { $vantages }.

## Providers and domains
domain = Domain
verdict = Verdict
domains = Domains
grades = Grades
grade = Grade
policy = Policy
elsewhere = Take it with you
feed-provider = Incidents of { $provider }
feed-link = Feed of the provider's incidents (Atom)
badge-link = Badge for a page of your own (SVG)
badge-alt = Badge: { $name }, { $verdict }
badge-alt-stale = Badge: { $name }, out of date; { $verdict } when last measured
json-link = This as JSON
days-link = The last days as JSON
domains-caption = Every domain of this provider, as last measured
lost = Lost
lost-count = { $count ->
    [0] nothing
    [one] 1 check
   *[other] { $count } checks
  }
provider-summary = Of { $domains ->
    [one] 1 domain
   *[other] { $domains } domains
  }, when last measured: { $parts }.
provider-trend = Since { $since }: { $direction }. { $changed }
provider-measured = Each of its domains was measured at { $at } or later.
provider-grades-caption = The worst grade of its domains by each policy, and how many have which
worst-grade = Worst grade
level-count = { $count } { $level }

## Incidents in a line
incidents-caption = What was confirmed to be lost: what is open first, then the newest first
incident = Incident
incident-what = { $check } of { $place }
before = Before
after = After
since = Since
ended = Ended
open = open
no-incidents = None has been confirmed in the time that is kept.
ended-by-recovered = recovered
ended-by-accepted = accepted by the operator
ended-by-retired = not there any more

## A domain
corrected = Corrected on { $at }, in snapshot { $snapshot }: { $text }
corrections = Corrections
domain-never = It has not been measured from vantage { $vantage } yet.
domain-measured = Measured on { $at } from vantage { $vantage }: { $meaning }.
domain-unmeasured = On { $at } not enough could be measured from vantage { $vantage }: { $reason }. That is no verdict on anyone.
short-head = What falls short
short-nothing = Nothing of what was measured falls short of a rule.
policy-verdict = the verdict
finding-makes = Makes it
finding-where = Where
finding-rule = Rule
finding-why = Why it matters
finding-source = Source
finding-reproduce = How to reproduce it
finding-mend = How to mend it
unmeasured-head = What could not be measured
unmeasured-nothing = Everything that the verdict rests on could be measured.
unmeasured-facts = Facts
grades-caption = The grade by each policy, and how much of what it needs is known. There is no grade on incomplete evidence.
coverage-head = Known
coverage = { $percent } %
rules-broken = Rules broken
facts-missing = Facts missing
facts-count = { $count ->
    [one] 1 fact
   *[other] { $count } facts
  }
days-head = The last { $days } days
days-caption = The verdict and each check, { $first } to { $last }
check = Check
in-words = In words
runs-count = { $count ->
    [one] 1 span
   *[other] { $count } spans
  }

## The ledger
ledger = Evidence
ledger-lead = Every fact, as last measured from vantage { $vantage }. Times are in UTC. A rule is named by its policy; what no rule rests on is told all the same.
ledger-domain = Domain { $domain }
ledger-host = MX host { $host }, preference { $preference }
ledger-address = Address { $address }, port { $port }
address-known = { $count ->
    [one] 1 fact known
   *[other] { $count } facts known
  }
address-broken = { $count ->
    [one] 1 short of a rule
   *[other] { $count } short of a rule
  }
address-unknown = { $count } could not be measured
address-times = Last visited { $attempted }, last with a conclusion { $concluded }, as { $name }.
address-out-of-scope = The vantage lacks this family of addresses, so that it decides nothing.
key-shared = A key (SHA-256 { $key }) is served by unrelated operators too: { $operators }; hosts { $hosts }.
family-routing = Routing
family-starttls = STARTTLS
family-tls = TLS
family-certificate = Certificate
family-dane = DANE
family-mta-sts = MTA-STS
family-tls-rpt = TLS-RPT
family-other = Other facts
facts-caption = The facts of { $where }, by kind
fact = Fact
value = Value
rules = Rules
last-from = Last measured, vantage { $vantage }
tried = tried { $at }
absent = does not apply
so-far = Seen before it broke off:
not-kept = not kept
no-rule = none
ruling-has = met
ruling-lacks = broken
ruling-unmeasured = open
proof = { $family }: how to see it yourself, and the evidence
reproduce = To see { $names }:
evidence = { $names } rest on the evidence
facts-head = What the facts mean
value-unit = { $value } { $unit }
value-yes = yes
value-no = no
value-none = none
value-empty = empty
value-unread = could not be read
value-several = { $count ->
    [one] 1 entry
   *[other] { $count } entries
  }
value-more = and { $count } more, in the JSON

## Why something could not be measured
unmeasured = { $cause } ({ $stage })
could-not = could not be measured: { $reason }
cause-dns-failure = the look-up in the DNS failed
cause-dns-timeout = the DNS did not answer in time
cause-dnssec-bogus = DNSSEC says that the answer is forged or broken
cause-no-address = there is no address
cause-address-forbidden = the address is not one that may be visited
cause-connect-refused = the connection was refused
cause-connect-timeout = the connection was not made in time
cause-unreachable = the network has no way there
cause-blocked = the server turns this vantage away
cause-rate-limited = the server asked for fewer visits
cause-deferred = the server asked to come back later
cause-tarpit = the server answers on purpose too slowly
cause-read-timeout = the server did not answer in time
cause-connection-closed = the connection was closed early
cause-protocol-error = the answer was not as the protocol has it
cause-limit-exceeded = the answer was larger than is read
cause-tls-local-limit = the observer's own TLS library cannot
cause-vantage-blind = the observer could not see at that time
cause-budget-exhausted = the time or the visits allowed were used up
cause-not-attempted = it was not tried yet
cause-internal-error = the observer made a mistake
stage-dns = in the DNS
stage-connect = while connecting
stage-greeting = at the greeting
stage-ehlo = at EHLO
stage-starttls = at STARTTLS
stage-hello = at the first message of TLS
stage-handshake = during the TLS handshake
stage-ehlo-tls = at EHLO inside TLS
stage-https = over HTTPS

# Where there is nothing to show.

not-found-title = Not found
not-found = There is no such page here, or no longer.
nothing-yet-title = Nothing has been published yet
nothing-yet = The first look at every domain is under way, and what it shows will be here after it. Until then nothing is said of anybody.

## Trends
trends-head = Who has what, day by day
trends-lead = What was measured of { $domains ->
    [one] 1 domain
   *[other] { $domains } domains
  } from { $first } to { $last }: the share of those that could be measured.
trends-gaps = A day on which fewer than half of the domains could be measured is hatched: it is a gap in what is known, and no fall.
trends-numbers = In numbers
trends-caption = The last day of each month of which enough is known
trends-day = Day
trends-have = Have it
trends-measured = Measured
trends-share = Share
trends-csv = All days as CSV
series-starttls = STARTTLS on every address
series-tls13 = TLS 1.3
series-forward_secrecy = Forward secrecy for senders that offer it
series-dane = DANE
series-mta_sts = MTA-STS policy that is enforced
series-post_quantum = Hybrid post-quantum key exchange
series-untold = On no day could enough domains be measured.
series-now = On { $day } { $have } of { $measured } domains had it ({ $percent } %).
series-up = That is { $points ->
    [one] 1 point
   *[other] { $points } points
  } more than the { $percent } % of { $day }.
series-down = That is { $points ->
    [one] 1 point
   *[other] { $points } points
  } less than the { $percent } % of { $day }.
series-same = That is as on { $day }.
series-gaps = On { $days ->
    [one] 1 day
   *[other] { $days } days
  } too few could be measured.

## Incidents
incidents-none = Nothing has been confirmed to be lost since { $first }.
incidents-summary = { $count ->
    [one] 1 incident is
   *[other] { $count } incidents are
  } on record; { $still ->
    [0] none goes on
    [one] 1 goes on
   *[other] { $still } go on
  }.
incidents-lead = An incident is a protection that was measured to be there, and then, again and again on fresh connections, measured to be weaker or gone. What could only not be reached is no incident.
incidents-still = Going on
incidents-still-none = None that is known of.
incidents-month = Confirmed in { $month }
incidents-csv = All as CSV
incidents-json = All as JSON
incident-sentence = { $check }: { $means }. First seen on { $since }, confirmed on { $confirmed } from { $vantages }.
incident-open = It goes on, as far as is known.
incident-ended-recovered = It was seen to be well again on { $at }.
incident-ended-accepted = On { $at } the publisher took what is there now for the new measure.
incident-ended-retired = What it was of has not been there since { $at }.
incident-why = The publisher's reason:
incident-seen = What was seen
incident-seen-caption = What it was held to, and what was seen instead
incident-at = Seen on
incident-evidence = Evidence
incident-where = Where
incident-host = MX host
incident-attribution = Where it lies
incident-reproduce = How to see whether it is still so
attribution-server = At the server: every vantage that could measure saw it.
attribution-path = On the way: some vantages saw it, and others measured the same server to be well.
attribution-unexplained = It cannot be told: one vantage alone could measure, so it may lie at the server or on the way.
attribution-local = At the observer: many unrelated operators at once.
statements = What those concerned say
statements-none = Nobody has said anything of it yet.
statements-how = Whoever is concerned may reply here, in their own words, or ask for a correction.
statement-operator = { $name }, who publishes this
statement-partner = { $name }, whom it concerns
