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
stale = It shows what was known at { $as_of }, has been out of date since { $until }, and this copy has nothing newer. Nothing here says how things are now.
blind-head = The observer could not see.
blind = At that time vantage { $vantage } could measure hardly anything, for a reason of its own. What is shown was measured before, and speaks of nobody's loss.
as-of = As of { $as_of }; out of date after { $until }.
made-by = Measured by { $program } from vantage { $vantage }.
snapshot = Snapshot { $number }
published-by = Published by
contact = Contact
concerned = If this is about you: to correct it, to reply, or not to be visited.
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
run-less = weaker than before: { $shown }
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
trend-same = no change seen
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
  }, when last looked at: { $parts }.{ $waiting ->
    [0] {""}
    [one] {" "}1 more has not been looked at yet.
   *[other] {" "}{ $waiting } more have not been looked at yet.
  }
summary-only-waiting = Nothing has been measured yet: { $waiting ->
    [one] 1 domain has not been looked at.
   *[other] { $waiting } domains have not been looked at.
  }
summary-nothing = Nothing has been measured yet.
summary-protected = { $count } protected
summary-degraded = { $count } degraded
summary-unprotected = { $count } unprotected
summary-no-mail = { $count ->
    [one] 1 takes no mail
   *[other] { $count } take no mail
  }
summary-unknown = { $count } could not be measured
providers = Providers
order = In order:
order-worst = what falls short first
order-name = by name
overview-caption = Every provider: the verdict that counts most (what was measured to fall short, then what could not be measured, then the rest), the last days, and the worst grade that could be given by each policy
provider = Provider
state = State
state-domains = { $all ->
    [one] 1 domain
   *[other] { $count } of { $all } domains
  }
last-days = Last days
trend = Trend
grade-by = By { $policy }
grade-of-some = { $count } without a grade
last-measured = Last looked at
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
feed-confirmed = { $check } was measured weaker than before: { $where }
feed-recovered = { $check } was measured as good as before again: { $where }
feed-accepted = The publisher of this site accepted the loss of { $check }: { $where }
feed-retired = { $check } is not watched there any more: { $where }
feed-where = { $names }{ $more ->
    [0] {""}
   *[other] {" "}and { $more } more
  }
feed-text = First seen on { $since }: “{ $after }” instead of “{ $before }”, which was seen on { $earlier }; confirmed on { $confirmed } from { $vantages }.

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
badge-alt-stale = Badge: { $name }, out of date; { $verdict } when last looked at
json-link = This as JSON
days-link = The last days as JSON
domains-caption = Every domain of this provider, as it was when last looked at
lost = Open losses
lost-count = { $count ->
    [0] none confirmed
    [one] 1 check
   *[other] { $count } checks
  }
provider-summary = Of { $domains ->
    [one] 1 domain
   *[other] { $domains } domains
  }, when last looked at: { $parts }.
provider-trend = Of the days since { $since }, the last that could be measured against the first: { $direction }. { $changed }
provider-measured = { $count ->
    [one] 1 domain was last looked at on { $at }.
   *[other] { $count } domains were last looked at on { $at } or later.
  }
provider-never = { $count ->
    [one] 1 has never been looked at.
   *[other] { $count } have never been looked at.
  }
provider-grades-caption = The worst grade that one of its domains has by each policy, and how many have which; what could not be measured has none
worst-grade = Worst grade
level-count = { $count } { $level }

## Incidents in a line
incidents-caption = What was confirmed to be lost: what was not seen to end first, then the newest first
incidents-caption-month = The newest first
incident = Incident
incident-what = { $check } of { $place }
before = Before
after = After
since = First seen
ended = End
open = not seen to have ended
no-incidents = None has been confirmed in the time that is kept.
ended-by-recovered = recovered
ended-by-accepted = accepted by the publisher
ended-by-retired = not watched any more

## A domain
contents = On this page
corrected = Corrected on { $at }, in snapshot { $snapshot }: { $text }
corrections = Corrections
domain-never = It has not been measured from vantage { $vantage } yet.
domain-measured = Last looked at on { $at } from vantage { $vantage }: { $meaning }.
domain-unmeasured = On { $at } not enough could be measured from vantage { $vantage }: { $reason }. That is no verdict on anyone.
short-head = What falls short
short-nothing = Nothing of what was measured falls short of a rule.
short-unknown = Nothing was found that falls short, but not enough could be measured: that says nothing good either.
short-no-mail = It takes no mail, so that no rule applies.
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
unmeasured-unsaid = Not enough could be measured, and nothing says what.
unmeasured-decided = The verdict is decided by what was measured. What could not be measured is told with the grades, and in the evidence.
unmeasured-facts = Facts
grades-caption = The grade by each policy, and how much of what it needs is known. There is no grade on incomplete evidence.
coverage-head = Known
coverage = { $percent } %
rules-broken = Rules broken
rules-none-seen = none seen
facts-missing = Facts missing
facts-count = { $count ->
    [one] 1 fact
   *[other] { $count } facts
  }
days-head = The last { $days } days
days-caption = The verdict and each check, { $first } to { $last }
check = Check
check-unasked = breaks no rule
in-words = In words
runs-count = { $count ->
    [one] 1 span
   *[other] { $count } spans
  }

## The ledger
ledger = Evidence
ledger-lead = Every fact, as last measured from vantage { $vantage }. “First seen” is when it was first seen so, and not since when it has been. The commands are of common tools, for whoever looks from elsewhere and later; some of them need OpenSSL 3.5 or newer. Times are in UTC. A rule is named by its policy; what no rule rests on is told all the same.
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
cause-dnssec-bogus = the answer of the DNS did not pass validation by DNSSEC
cause-no-address = there is no address
cause-address-forbidden = the address is not one that may be visited
cause-connect-refused = the connection was refused
cause-connect-timeout = the connection was not made in time
cause-unreachable = the network has no way there
cause-blocked = the server turns this vantage away
cause-rate-limited = the server asked for fewer visits
cause-deferred = the server asked to come back later
cause-tarpit = the server answered more slowly than is waited for
cause-read-timeout = the server did not answer in time
cause-connection-closed = the connection was closed early
cause-protocol-error = the answer was not as the protocol has it
cause-limit-exceeded = the answer was larger than is read
cause-tls-local-limit = the observer's own TLS library cannot
cause-vantage-blind = the observer could not see at that time
cause-budget-exhausted = the time or the visits allowed were used up
cause-not-attempted = it was not tried
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
    [one] the domain that is
   *[other] the { $domains } domains that are
  } watched now, from { $first } to { $last }: the share of those that could be measured.
trends-gaps = A day on which fewer than half of the domains could be measured is hatched: it is a gap in what is known, and no fall. A share can also move because other domains could be measured than on another day; the table says of how many it is.
trends-numbers = In numbers
trends-caption = The last day of each month of which enough is known
trends-day = Day
trends-have = Have it
trends-measured = Could be measured
trends-share = Share
trends-csv = All days as CSV
series-starttls = STARTTLS on every address that could be measured
series-tls13 = TLS 1.3 for senders that offer it
series-forward_secrecy = Forward secrecy for senders that offer it
series-dane = DANE that is valid
series-mta_sts = MTA-STS policy that is enforced
series-post_quantum = Hybrid post-quantum key exchange
series-untold = On no day could enough domains be measured.
series-now = On { $day } { $have } of { $measured } domains had it ({ $percent } %).
series-up = That is { $points ->
    [one] 1 point
   *[other] { $points } points
  } more than the { $percent } % of { $day }.
series-down = That is { $points ->
    [one] 1 point
   *[other] { $points } points
  } less than the { $percent } % of { $day }.
series-same = That is as on { $day }.
series-gaps = On { $days ->
    [one] 1 day
   *[other] { $days } days
  } too few could be measured.

## Incidents
incidents-none = Nothing has been confirmed to be lost since { $first }, the first of the days shown on which anything was watched.
incidents-unwatched = Nothing has been watched yet.
incidents-summary = { $count ->
    [one] 1 incident is
   *[other] { $count } incidents are
  } on record; { $still ->
    [0] none of them is open
    [one] 1 has not been seen to end
   *[other] { $still } have not been seen to end
  }.
incidents-lead = An incident is a protection that was measured to be there, and then, again and again on fresh connections, measured to be weaker or gone. What could only not be reached is no incident.
incidents-still = Not seen to have ended
incidents-still-none = None.
incidents-month = Confirmed in { $month }
incidents-csv = All as CSV
incidents-json = All as JSON
incident-sentence = { $check } was measured as “{ $after }”, after it had been measured as “{ $before }”. First seen on { $since }, confirmed on { $confirmed } from { $vantages }. What is called so: { $means }.
incident-open = As of { $as_of } it had not been seen to end.
incident-unseen = For { $names } it could not be measured then whether it was still so.
incident-ended-recovered = It was confirmed on { $at } to be as good as before again.
incident-ended-accepted = On { $at } the publisher took what was there then for the new measure. That is no recovery.
incident-ended-retired = On { $at } it was given up, for what it was of was not there any more. That is no recovery.
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
statements-none = No statement about it has been published.
statements-how = Whoever is concerned may reply here, in their own words, or ask for a correction.
statement-operator = { $name }, who publishes this
statement-partner = { $name }, whom it concerns

## Methodology
method-head = How this is known
method-lead = What is measured, how often and from where; what is never done; what counts as known, and what does not; and by which rules it is judged.
method-measured = What is measured
method-never = What is never done
method-unknown = What could not be measured
method-verdicts = Verdicts and grades
method-changes = How a loss is confirmed
method-policies = The rules
method-chain = Snapshots, and how to verify them
method-corrections = Corrections
method-concerned = If you are concerned
method-licence = Licence
measured-visit = Every MX host of a domain is looked up in the DNS, and every address of it is visited on port 25 as another mail server would: greeting, EHLO, STARTTLS, TLS handshake, EHLO inside TLS, QUIT. So it is seen whether STARTTLS works, which version, cipher suite and key-exchange group a modern sender gets, and which certificates are shown. What else a server accepts is learnt by offering it: the first message of TLS is sent, the first answer is read, and the connection is closed without a handshake.
measured-beside = Beside that are looked up: the DNSSEC state of the records that lead to a host, its TLSA records (DANE), the domain's MTA-STS record and policy, and its TLS-RPT record.
measured-often = Unless the publisher configured it otherwise, an address is visited once in 15 minutes and looked at in full once a day: four visits in a row, since a server may have several certificates. Once a week everything that it accepts is listed again. An MTA-STS policy is fetched once a day, and when its record changes. When a fact was measured last stands beside it.
measured-where = { $count ->
    [one] It is measured from 1 vantage
   *[other] It is measured from { $count } vantages
  }: { $vantages }. Another place may see something else.
measured-published = A snapshot of all that is known is published every { $interval }. One that is older than { $stale } wears a banner, and is not to be taken for how things are now.
span-hours = { $count ->
    [one] hour
   *[other] { $count } hours
  }
span-minutes = { $count ->
    [one] minute
   *[other] { $count } minutes
  }
span-seconds = { $count ->
    [one] second
   *[other] { $count } seconds
  }
never-mail = No mail is sent, and none is begun: MAIL FROM is never said, and no mailbox is asked for.
never-login = Nobody logs in, and no password is tried.
never-exploit = No weakness is used. That a server accepts something weak is known from its answer to an offer.
never-listening = Nobody's mail or traffic is read; only what a server says to us.
never-hurry = Nobody is hurried: by default at most two connections at a time to all hosts of one operator, and a second between two of them.
never-insisting = Whoever asks for fewer visits, or turns us away, is left alone: for a minute at first, then for twice as long each time, up to an hour.
never-visiting = Domains and networks on the publisher's list of those who do not want to be visited are not visited.
unknown-rule = Silence is never a verdict. A time-out, a refusal, a server that asks us to come later, a look-up that fails: each says that something could not be measured, why, and at which step. None of them says that something is missing, and none is counted for or against anybody.
unknown-held = What could not be measured again keeps its last value for three intervals, with the time at which it was measured. After that it is told as “could not be measured”.
unknown-shown = In the bars of days such days are hatched. In the trends a day on which fewer than half of the domains could be measured is a gap. There is no grade on incomplete evidence. Where nothing that was measured falls short and something that must be known is not, the verdict is “could not be measured”.
unknown-causes = All causes, as the data names them
verdicts-order = A domain has one verdict: what a careful sender may rely on. It is the worst that was measured at any address of any MX host. What was measured to be bad decides before what could not be measured, and that before what is good. A provider is shown with the verdict of its worst domain.
verdicts-grades = Beside its verdict a domain has a grade by each policy below. They disagree, and none of them is the grade. “Good” and “sufficient” meet a policy; “phase out” and “insufficient” fall short of it.
changes-confirmed = Something weaker than before is told as a loss only when it was seen, by default, on three fresh connections from two intervals. One sighting as good as before ends the suspicion. A recovery takes as much as a loss, and what turns back and forth is neither, until it was calm for a day.
changes-quorum = Where several vantages measure, a loss counts while more than half of those that can measure see it. One that could not see has no vote.
changes-ours = What is ours is held against nobody. While none of the vantage's control domains answers, or at least half of the operators that answered, and at least three, fall silent at once, the vantage counts as blind, and learns nothing worse. The same loss at half of all operators at once is held back as ours too, until it ended, another vantage saw it, or it was seen for a day.
changes-never = A connection that is refused, a time-out, a renewed certificate, another key of the same strength, or an address that comes and goes is no loss.
changes-where = Each incident says where it lies, as far as that can be told:
policies-lead = The verdict, and the policies that grades are given by, with the versions in force. A change of a rule changes the version, so it is told from a change of a server.
policies-read = A rule names the fact that it reads, and then which values have which level. What is known and in no list has the level after “else”. What does not apply (no TLS, so no certificate) is left out, unless the rule says otherwise.
policy-version = version { $version }
policy-rules = { $count ->
    [one] Its rule
   *[other] Its { $count } rules
  }
policy-caption = The rules of { $name }
rule-says = What it says
policy-own = It is the publisher's own, or of another version than the one that came with this program; the publisher knows its rules.
chain-linked = Each publication is a snapshot: documents, each named by its SHA-256, and a manifest that lists them, the time, the program and the versions of the policies. A manifest holds the SHA-256 of the manifest before it, so that nothing that was published can be changed, left out or put in later without breaking the chain.
chain-signed = Where the publisher has a key, each manifest is signed with Ed25519, and names the key that signs the next one.
chain-verified = With the program that measured anybody can check chain, signatures, and that the documents of the API are those of the last snapshot. Whoever remembers the hash of a snapshot also finds out, with --since, whether something was cut off:
chain-address = ADDRESS
chain-thinned = All documents are kept for seven days, and after that those of the last snapshot of each day. Manifests and signatures are kept for ever: the documents of other snapshots go, but their place in the chain, and the hash of what they said, stay.
chain-corrected = What was said wrongly is not rewritten. The next snapshot says what is true and lists the correction, with the number of the first snapshot that was wrong; that one stays as it was.
chain-all = All snapshots that are kept
correction = Corrected on { $at }: { $text }
corrections-none = No correction has been published so far.
concerned-optout = Not to be visited: name your domain or your network, and you are put on the list. Visits end, and from then on it is only said that you could not be measured; what was published before stays in its snapshots.
concerned-reply = To reply: what you say of an incident is shown beside it, under your name, in your own words.
concerned-correct = To correct: say what is wrong, and since when. What turns out to be wrong is corrected in the next snapshot, and listed here.
concerned-write = Write to
concerned-nobody = The publisher, { $name }, has not said here how to be reached. Each server that was visited was told a name at EHLO, which should lead to them.
licence-what = That is true of the pages, the API, the tables, the feeds and the snapshots alike. Statements of others are theirs.

## Snapshots
snapshots-lead = Everything that is published here is a snapshot, sealed and linked to the one before, so that nobody can rewrite what was said without being found out.
snapshots-last = The last one
snapshots-unsealed = What is shown has no place in a chain: it cannot be verified.
snapshots-number = Number
snapshots-asof = As of
snapshots-published = Published
snapshots-hash = SHA-256 of the manifest
snapshots-previous = SHA-256 of the one before
snapshots-first = none: it is the first
snapshots-key = Signed with the key of SHA-256
snapshots-unsigned = not signed
snapshots-files = To verify
snapshots-manifest = Manifest
snapshots-manifest-of = Manifest of snapshot { $number }, as JSON
snapshots-signature = Signature
snapshots-verify = How to verify it
snapshots-verify-program = With the program that measured, the whole chain, its signatures, and every document:
snapshots-verify-since = Keep the hash of a snapshot, and later you find out whether something was cut off since:
snapshots-verify-hash = By hand: the SHA-256 of a manifest's octets is what the next manifest calls “previous”, and every document is named by its own. In a copy of this site:
snapshots-verify-signature = And the signature, where the key is the one that the publisher told you elsewhere:
snapshots-method = What is kept, and how mistakes are corrected
snapshots-earlier = Those that can be read
snapshots-caption = The newest, with what each is named by
snapshots-month = All of { $month }
snapshots-at = { $number } ({ $minute })
snapshots-none = None is listed here.
snapshot-read = Read it as it was published
snapshot-then-head = This is how it was then.
snapshot-then = It shows what was known at { $as_of }, and nothing that came after: corrections of a later day are not in it.
snapshot-now = How things are now
snapshot-said = What it said of each domain
snapshot-caption = As of { $as_of }; the document of a domain has all that was said of it
snapshot-object = Document
snapshot-object-of = All that was said of { $domain }, as JSON
snapshot-json = JSON

## Glossary
glossary-lead = The words of these pages, as they are meant here.
glossary-method = How all this is measured, and by which rules it is judged
term-address = Address
gloss-address = One IP address of an MX host, with its port: what is visited. A host may have several, and each may behave in its own way.
term-baseline = Baseline
gloss-baseline = What a check is held to: what it was seen to be, again and again. It rises by itself once something better has lasted, and falls only when the publisher accepts that.
term-certificate = Certificate chain
gloss-certificate = The certificate with which a server says who it is, and those of the authorities that vouch for it, each for the one before, up to one that a sender trusts by itself.
term-check = Check
gloss-check = A fact that can get weaker, and whose loss is told, such as STARTTLS or the trust in a certificate.
term-cipher-suite = Cipher suite
gloss-cipher-suite = The set of procedures by which a TLS connection is encrypted and kept from being changed.
term-correction = Correction
gloss-correction = What says that an earlier snapshot was wrong, and what is true. The earlier one stays as it was.
term-coverage = Known
gloss-coverage = Which share of the facts that a policy needs could be measured. Where one that is needed is missing there is no grade.
term-dane = DANE
gloss-dane = DNS-based Authentication of Named Entities (RFC 7672): the domain of a mail server publishes, signed by DNSSEC, which key the server has. A sender that goes by it cannot be led to a server with another key, nor to plaintext.
term-dnssec = DNSSEC
gloss-dnssec = Signatures in the DNS, by which a resolver knows that an answer is the one that the owner of a name gave.
term-downgrade = Downgrade
gloss-downgrade = Somebody on the way, or a server, makes a connection weaker than both ends could have it; for instance by taking STARTTLS out of what the server offers.
term-evidence = Evidence
gloss-evidence = What was said on the wire when a fact was measured. It is kept, and named by its SHA-256.
term-fact = Fact
gloss-fact = One thing that is measured of a domain, a host or an address: a value, or that it does not apply, or that it could not be measured, and why.
term-finding = Finding
gloss-finding = A rule that something measured does not meet: where, why that matters, how to see it, and how to mend it.
term-forward-secrecy = Forward secrecy
gloss-forward-secrecy = Whoever records a connection today cannot read it with a server key that is stolen later, since each connection has keys of its own, which are thrown away.
term-grade = Grade
gloss-grade = What a domain is worth by one policy: good, sufficient, phase out or insufficient; the worst that was measured decides.
term-incident = Incident
gloss-incident = A loss that was confirmed: what was there before, what is there now, since when, where it lies, and what those concerned say.
term-key-exchange = Key-exchange group
gloss-key-exchange = The curve or the field in which both ends agree on a key that nobody else knows.
term-mta-sts = MTA-STS
gloss-mta-sts = SMTP MTA Strict Transport Security (RFC 8461): a domain publishes over HTTPS which MX hosts it has, and that mail is to be delivered only over TLS with a trusted certificate.
term-mx-host = MX host
gloss-mx-host = A mail server that the DNS names for a domain, with a preference: lower numbers are tried first.
term-null-mx = Null MX
gloss-null-mx = A record by which a domain says that it takes no mail at all (RFC 7505).
term-opportunistic = Opportunistic TLS
gloss-opportunistic = Encrypt where the other side offers it, and deliver in the clear where it does not: what most senders do, and what a downgrade makes use of.
term-outage = Outage
gloss-outage = Nothing could be measured for three intervals. It is told as such, and is never a loss.
term-policy = Policy
gloss-policy = A set of rules with a name and a version, most of them after a published standard.
term-post-quantum = Post-quantum key exchange
gloss-post-quantum = A key exchange that a quantum computer cannot undo later, as far as is known; used together with a usual one (hybrid).
term-provider = Provider
gloss-provider = Who runs the mail of one or more domains, by the publisher's list.
term-regression = Regression
gloss-regression = A check that is weaker than its baseline, confirmed by several visits. On these pages: an incident.
term-rule = Rule
gloss-rule = One sentence of a policy: a fact, and which values of it have which level.
term-snapshot = Snapshot
gloss-snapshot = All that is published at one moment, sealed and linked to the one before.
term-starttls = STARTTLS
gloss-starttls = The command by which an SMTP connection, which begins in the clear, goes over to TLS (RFC 3207).
term-statement = Statement
gloss-statement = What the publisher, or somebody who is concerned, says of an incident. It is shown apart from what was measured.
term-tls = TLS
gloss-tls = Transport Layer Security: the protocol that encrypts a connection, and shows who the other side is. Versions before 1.2 are out of date.
term-tls-rpt = TLS-RPT
gloss-tls-rpt = SMTP TLS Reporting (RFC 8460): a domain publishes where senders may report that TLS failed.
term-tlsa = TLSA record
gloss-tlsa = The record in the DNS by which DANE says which key or certificate a server has.
term-unknown = Could not be measured
gloss-unknown = There is no conclusive answer, with the cause and the step at which it was missed. It is no verdict on anybody.
term-vantage = Vantage
gloss-vantage = A place in the network from which is measured. What is seen from one may differ from what is seen from another.
term-verdict = Verdict
gloss-verdict = In one word what a careful sender may rely on when it delivers to a domain: protected, degraded, unprotected; or that this could not be measured, or that the domain takes no mail.
term-visit = Visit
gloss-visit = One connection to one address, from the greeting to QUIT.
term-web-pki = Web PKI
gloss-web-pki = The authorities whose certificates browsers and mail servers trust by themselves.
