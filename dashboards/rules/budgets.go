package rules

import (
	"fmt"
	"time"
)

// burn is a speed at which a budget is used up: both windows have to show it, the
// long one that it matters and the short one that it goes on.
type burn struct {
	long, short string
	times       float64 // of the speed that uses up a budget in just 30 days
	memory      string  // the short window and five minutes more
}

var (
	fast = []burn{{"1h", "5m", 14.4, "10m"}, {"6h", "30m", 6, "35m"}}
	slow = []burn{{"1d", "2h", 3, "125m"}, {"3d", "6h", 1, "365m"}}
)

// over is where a burn is too fast for an objective. An error that a cause's alert
// spoke of is not told again: while one fires, and for as long as the short window
// remembers it.
func (b *burn) over(s *SLO, causes string) string {
	limit := number(b.times * (1 - s.Objective))
	expr := fmt.Sprintf("%s{slo=%q} > %s\nand %s{slo=%q} > %s", ratioName(b.long), s.Name, limit, ratioName(b.short), s.Name, limit)
	if s.Enough != "" {
		expr += "\nand on () (" + over(s.Enough, b.long) + ")"
	}
	return expr + fmt.Sprintf("\nunless on () max_over_time(ALERTS{alertstate=\"firing\",%sexplains=~\".*,%s,.*\"}[%s])", causes, s.Name, b.memory)
}

func either(burns []burn, s *SLO, causes string) string {
	return "(\n" + burns[0].over(s, causes) + "\n) or (\n" + burns[1].over(s, causes) + "\n)"
}

// budgetName is the name of an objective's alerts.
func budgetName(slo string) string {
	return map[string]string{
		Accepted: "ZgodaAcceptedBudget", Durable: "ZgodaDurableBudget", Fresh: "ZgodaFreshBudget",
		Withdrawn: "ZgodaWithdrawalBudget", Requested: "ZgodaRequestsBudget",
	}[slo]
}

// tooFast is where an objective's critical alert fires.
func tooFast(slo string) string {
	return fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing",severity="critical"}`, budgetName(slo))
}

var budgetWords = map[string][2]string{
	Accepted: {
		"Events are refused, and may be lost",
		"{{ $value | humanizePercentage }} of the events were refused for reasons of ours. SDKs send again, browsers that are closed do not. Look at `zgoda_events_refused_total` by reason.",
	},
	Durable: {
		"Events that were answered as taken do not get to ClickHouse",
		"{{ $value | humanizePercentage }} of the events that met their fate went to a quarantine. Look at `zgoda_writer_quarantined_total`, `zgoda_writer_unreadable_total` and `zgoda_later_resolved_total`.",
	},
	Fresh: {
		"Events wait for longer than 10 seconds to be in ClickHouse",
		"{{ $value | humanizePercentage }} of the time the oldest event had waited for more than 10 seconds. Look at `zgoda_spool_oldest_seconds` and `zgoda_later_oldest_seconds`.",
	},
	Withdrawn: {
		"Withdrawals take longer than a second to be enforced",
		"{{ $value | humanizePercentage }} of the changes of mind took longer than a second: meanwhile events went by what people had said before. Look at `zgoda_withdrawal_to_enforced_seconds`.",
	},
	Requested: {
		"Requests of data subjects stay open for longer than a month",
		"{{ $value | humanizePercentage }} of the open requests came more than a month ago. Their deadlines were extended or stand still, else ZgodaRequestOverdue would say so.",
	},
}

// budgetAlerts are the alerts of symptoms: what users and the people protected would
// notice, whatever the cause. They speak where no cause's alert does.
func budgetAlerts() []Alert {
	var list []Alert
	for _, s := range SLOs() {
		words := budgetWords[s.Name]
		a := Alert{Name: budgetName(s.Name), SLO: s.Name, For: 2 * time.Minute, Summary: words[0], Description: words[1], Empty: s.Empty}
		if s.Slow {
			a.For = 15 * time.Minute
		} else {
			a.Severity, a.Expr = Critical, either(fast, &s, `severity="critical",`)
			list = append(list, a)
		}
		a.Severity, a.Expr = Warning, either(slow, &s, "")
		if !s.Slow {
			a.Expr = "(" + a.Expr + ")\nunless on () " + tooFast(s.Name)
		}
		list = append(list, a)
	}
	return list
}
