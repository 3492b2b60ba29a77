package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// SLO is an objective for 30 days. What is bad is measured over several windows;
// $window stands for one.
type SLO struct {
	Name, Title string
	Objective   float64 // the part that has to be good

	Bad, All string // rates of what was bad and of everything
	Slices   string // instead of them where nothing is counted: the part of the time that was bad

	// Enough has a value when there was enough of it that was bad to speak of: where
	// little happens, one event is a great part of all.
	Enough string
	// Slow: nothing is gained by waking somebody, there is no critical alert.
	Slow bool

	Empty string // why it may have no value
}

// The objectives by name.
const (
	Accepted  = "accepted"
	Durable   = "durable"
	Fresh     = "fresh"
	Withdrawn = "withdrawal"
	Requested = "requests"
)

var everySLO = []string{Accepted, Durable, Fresh, Withdrawn, Requested}

// Refusals that are ours. Malformed events are their senders', and clients are told
// of a shutdown (draining) to go to another gateway.
const ourRefusals = `zgoda_events_refused_total{reason=~"spool_full|spool_failed|keyholder_away|sealed_full|control_away|internal"}`

// A bucket's edge is written in two ways: "1.0" in OpenMetrics, "1" in the text form.
const oneSecond = `le=~"1(\\.0)?"`

// SLOs returns the objectives.
func SLOs() []SLO {
	const here, elsewhere = "zgoda_withdrawal_to_enforced_seconds", "zgoda_withdrawal_to_enforced_elsewhere_seconds"
	changes := sum("rate", here+"_count") + " + " + sum("rate", elsewhere+"_count")
	late := func(how string) string {
		return sum(how, here+"_count") + " - " + sum(how, here+"_bucket{"+oneSecond+"}") +
			" + " + sum(how, elsewhere+"_count") + " - " + sum(how, elsewhere+"_bucket{"+oneSecond+"}")
	}
	return []SLO{
		{
			Name: Accepted, Title: "Events are taken", Objective: 0.999,
			Bad: sum("rate", ourRefusals), All: sum("rate", "zgoda_events_received_total"),
			Enough: sum("increase", ourRefusals) + " >= 10",
			Empty:  "no event came in the window",
		},
		{
			Name: Durable, Title: "What was taken gets to ClickHouse", Objective: 0.9999,
			Bad: sum("rate", "zgoda_events_quarantined_total"),
			All: sum("rate", "zgoda_events_stored_total") + " + " + sum("rate", "zgoda_events_duplicate_total") +
				" + " + sum("rate", "zgoda_events_dropped_later_total") + " + " + sum("rate", "zgoda_events_quarantined_total"),
			Enough: sum("increase", "zgoda_events_quarantined_total") + " >= 10",
			Empty:  "no event met its fate in the window",
		},
		{
			Name: Fresh, Title: "What was taken is in ClickHouse within 10 seconds", Objective: 0.995,
			Slices: "avg(avg_over_time(zgoda:fresh:bad[$window]))",
		},
		{
			Name: Withdrawn, Title: "A withdrawal is enforced within a second", Objective: 0.999,
			Bad: late("rate"), All: changes,
			Enough: late("increase") + " >= 3",
			Empty:  "nobody changed their mind in the window",
		},
		{
			Name: Requested, Title: "Requests are answered within a month", Objective: 0.95, Slow: true,
			Slices: "avg_over_time(zgoda:requests:bad[$window])",
			Enough: older + " >= 3",
		},
	}
}

func sum(how, series string) string { return "sum(" + how + "(" + series + "[$window]))" }

// All gateways of a store tell of the same requests.
const older = `sum(max by (right) (zgoda_requests_open{age="older"}))`

// Windows are those that errors are measured over.
var Windows = []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"}

// over puts a window into an expression.
func over(expr, window string) string { return strings.ReplaceAll(expr, "$window", window) }

// Ratio is the part of a window that was bad; it has no value when nothing happened.
func (s *SLO) Ratio(window string) string {
	if s.Slices != "" {
		return over(s.Slices, window)
	}
	return over("("+s.Bad+") / ("+s.All+" > 0)", window)
}

func ratioName(window string) string { return "zgoda:slo_errors:ratio_rate" + window }

// number writes a limit without the noise of binary fractions.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// Recordings returns the recording rules in the order of the file: what a rule reads
// comes before it.
func Recordings() []Recording {
	list := []Recording{
		{
			Record: "zgoda:fresh:bad",
			Expr:   "max by (instance) (clamp_max((zgoda_spool_oldest_seconds > bool 10) + (zgoda_later_oldest_seconds > bool 10), 1))",
		},
		{
			Record: "zgoda:requests:bad",
			Expr:   older + " / clamp_min(sum(max by (right, age) (zgoda_requests_open)), 1)",
		},
	}
	list = append(list, limits()...)
	for _, s := range SLOs() {
		labels := map[string]string{"slo": s.Name}
		list = append(list, Recording{Record: "zgoda:slo_objective:ratio", Expr: "vector(" + number(s.Objective) + ")", Labels: labels})
		for _, w := range Windows {
			list = append(list, Recording{Record: ratioName(w), Expr: s.Ratio(w), Labels: labels, Empty: s.Empty})
		}
		list = append(list, Recording{
			Record: "zgoda:slo_budget_left:ratio3d",
			Expr:   fmt.Sprintf("1 - %s{slo=%q} / %s", ratioName("3d"), s.Name, number(1-s.Objective)),
			Labels: labels, Empty: s.Empty,
		})
	}
	return list
}

// limits are how full everything is that has a limit at which something is refused.
func limits() []Recording {
	full := func(what, used, limit string) Recording {
		return Recording{Record: "zgoda:limit:ratio", Expr: used + " / (" + limit + " > 0)", Labels: map[string]string{"what": what}}
	}
	return []Recording{
		full("bodies", "zgoda_gateway_body_bytes", "zgoda_gateway_body_bytes_limit"),
		full("connections", "zgoda_gateway_connections", "zgoda_gateway_connections_limit"),
		full("later", "zgoda_later_bytes", "zgoda_later_limit_bytes"),
		full("parts", "max without (table) (zgoda_clickhouse_parts)", "zgoda_clickhouse_parts_limit"),
		full("quarantine", "(zgoda_writer_quarantine_bytes >= 0)", "zgoda_writer_quarantine_limit_bytes"),
		full("said", "zgoda_said_bytes", "zgoda_said_limit_bytes"),
		full("spool", "zgoda_spool_bytes", "zgoda_spool_limit_bytes"),
		full("waiting", "zgoda_subjects_waiting", "zgoda_subjects_waiting_limit"),
	}
}
