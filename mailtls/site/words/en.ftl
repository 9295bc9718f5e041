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
