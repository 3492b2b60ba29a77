package dryrun

import (
	"cmp"
	"slices"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// Report is what was counted since a trial began. It holds numbers and words
// from closed sets, and nothing about anybody.
type Report struct {
	Site            event.SiteID    `json:"site"`
	LivePolicy      uint32          `json:"live_policy" doc:"the live policy's revision, as rows carry it"`
	CandidatePolicy uint32          `json:"candidate_policy" doc:"the candidate's revision"`
	Since           time.Time       `json:"since"`
	Events          uint64          `json:"events" doc:"events that both policies decided about"`
	Differ          uint64          `json:"differ" doc:"of them, those with another outcome for at least one purpose"`
	Rows            []RowReport     `json:"rows" doc:"what would be stored of them"`
	Purposes        []PurposeReport `json:"purposes" doc:"those of the live policy, then those that are new"`
}

// RowReport counts events by what either policy would store of them.
type RowReport struct {
	Live      string `json:"live" enum:"nothing,none,period,person" doc:"the scope of the row, or nothing"`
	Candidate string `json:"candidate" enum:"nothing,none,period,person"`
	Events    uint64 `json:"events"`
}

// PurposeReport is what was counted about one purpose.
type PurposeReport struct {
	Purpose string       `json:"purpose"`
	Kind    string       `json:"kind"`
	Only    string       `json:"only,omitempty" enum:"live,candidate" doc:"the policy that alone has the purpose"`
	Differ  uint64       `json:"differ" doc:"decisions with another outcome"`
	Lost    uint64       `json:"lost" doc:"of them, allowed now and denied by the candidate"`
	Won     uint64       `json:"won" doc:"of them, denied now and allowed by the candidate"`
	Pairs   []PairReport `json:"pairs" doc:"who decided, those that differ first"`
}

// PairReport counts the decisions in which the two policies decided like this.
type PairReport struct {
	Live        string `json:"live" enum:"deny,allow,absent"`
	LiveBy      string `json:"live_by,omitempty"`
	Candidate   string `json:"candidate" enum:"deny,allow,absent"`
	CandidateBy string `json:"candidate_by,omitempty"`
	Differs     bool   `json:"differs"`
	Decisions   uint64 `json:"decisions"`
	Why         string `json:"why" doc:"the same in words"`
}

// Report returns what was counted. Numbers that grow while it is made may be of
// slightly different moments.
func (t *Trial) Report() Report {
	r := Report{
		Site: t.live.Site, LivePolicy: t.live.Revision, CandidatePolicy: t.candidate.Revision, Since: t.since,
		Rows: []RowReport{}, Purposes: make([]PurposeReport, 0, len(t.pairs)),
	}
	r.Differ = t.differ.Load() // before events, so that it is never more
	r.Events = t.events.Load()
	for a := range t.scopes {
		for b := range t.scopes[a] {
			if n := t.scopes[a][b].Load(); n > 0 {
				r.Rows = append(r.Rows, RowReport{scopeWord(a), scopeWord(b), n})
			}
		}
	}
	for i := range t.pairs {
		r.Purposes = append(r.Purposes, t.purpose(i))
	}
	return r
}

func scopeWord(s int) string {
	if s == nothing {
		return "nothing"
	}
	return event.Scope(s - 1).String()
}

func (t *Trial) purpose(i int) PurposeReport {
	p := t.pairs[i]
	r := PurposeReport{Purpose: string(p.id), Pairs: []PairReport{}}
	switch {
	case p.live < 0:
		r.Only, r.Kind = "candidate", t.candidate.Purposes[p.candidate].Kind.String()
	case p.candidate < 0:
		r.Only, r.Kind = "live", t.live.Purposes[p.live].Kind.String()
	default:
		r.Kind = t.live.Purposes[p.live].Kind.String()
	}
	for a := range codes {
		for b := range codes {
			n := t.tables[i][a][b].Load()
			if n == 0 {
				continue
			}
			r.Pairs = append(r.Pairs, pairReport(a, b, n))
			will := outcome(b) == consent.Allow
			if was := outcome(a) == consent.Allow; was && !will {
				r.Lost += n
			} else if will && !was {
				r.Won += n
			}
		}
	}
	r.Differ = r.Lost + r.Won
	slices.SortStableFunc(r.Pairs, func(x, y PairReport) int {
		if x.Differs != y.Differs {
			if x.Differs {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.Decisions, x.Decisions)
	})
	return r
}

func pairReport(a, b int, n uint64) PairReport {
	r := PairReport{Differs: outcome(a) != outcome(b), Decisions: n, Why: why(a, b)}
	r.Live, r.LiveBy = words(a)
	r.Candidate, r.CandidateBy = words(b)
	return r
}

// words returns the outcome and the source of a code.
func words(code int) (outcomeWord, by string) {
	if code == codeAbsent {
		return "absent", ""
	}
	return outcome(code).String(), source(code).String()
}

func source(code int) consent.Source { return consent.Source(code % consent.SourceCount) }
