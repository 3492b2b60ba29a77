package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zgoda/stores"
)

// of are what the gateway found for one check.
func (a *Answer) of(check string) (list []Finding) {
	for _, f := range a.Findings {
		if f.Check == check {
			list = append(list, f)
		}
	}
	return list
}

// tables looks for places that nobody has listed: an erasure does not reach them.
func (s *system) tables(ctx context.Context) []Finding {
	var list []Finding
	unknown, err := strangers(s.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist): // said by the check files
	case err != nil:
		list = append(list, failed("list the data folder", errors.New(reason(err)))...)
	case len(unknown) > 0:
		list = append(list, Finding{
			Level: Problem, What: "in the data folder, and in no list of what is kept: " + strings.Join(unknown, ", "), Why: "no erasure reaches them, and no certificate tells of them",
			Do: "find out who put them there; remove them, or move them out after looking whether they hold anything personal",
		})
	}
	return append(list, s.inside(ctx, "tables")...)
}

// inside are the findings that the gateway alone can make.
func (s *system) inside(ctx context.Context, check string) []Finding {
	answer, err := s.ask(ctx)
	if err != nil {
		return unseen(err)
	}
	return answer.of(check)
}

const maxNamed = 10

// strangers are what in the data folder belongs to no store, at most some of them.
func strangers(data string) (unknown []string, err error) {
	folders := []string{"."}
	for len(folders) > 0 && len(unknown) < maxNamed {
		at := folders[0]
		folders = folders[1:]
		entries, err := os.ReadDir(filepath.Join(data, at))
		if err != nil {
			return unknown, err
		}
		for _, e := range entries {
			name := filepath.ToSlash(filepath.Join(at, e.Name()))
			_, known := stores.Of(name)
			switch {
			case known:
			case e.IsDir() && holds(name):
				folders = append(folders, name)
			default:
				unknown = append(unknown, name)
			}
		}
	}
	slices.Sort(unknown)
	return unknown[:min(len(unknown), maxNamed)], nil
}

// holds says whether a store is somewhere below a folder.
func holds(folder string) bool {
	for i := range stores.All {
		for _, pattern := range stores.All[i].Files {
			if strings.HasPrefix(pattern, folder+"/") {
				return true
			}
		}
	}
	return false
}

// retention looks for what is kept longer than the settings say.
func (s *system) retention(ctx context.Context) []Finding {
	answer, err := s.ask(ctx)
	if err != nil {
		return unseen(err)
	}
	list := slices.DeleteFunc(answer.of("retention"), func(f Finding) bool { return f.Level == OK }) // it may be past its time all the same
	for _, p := range answer.Past {
		f := Finding{Level: Problem, What: p.Text, Why: "what is kept longer than its purpose needs must not be (Art. 5(1)(e) GDPR)", Runbook: "ZgodaRetentionStale"}
		switch p.What {
		case "rows":
			f.Do = "zgoda retention run; if they stay, see why ClickHouse does not delete them (the check clickhouse)"
		case "contacts":
			f.Level, f.Do = Warning, "end what holds them when it is over: zgoda agreement list, zgoda requests list"
		case "run":
			f.Do = "zgoda retention run"
			if s.young(ctx) {
				f.Level = Warning // one is made after the start
			}
		case "files":
			f.Do, f.Runbook = "remove them once you know why they are there, as docs/operating.md says about damage", ""
		default:
			continue // of other checks
		}
		list = append(list, f)
	}
	return list
}

// young says whether the gateway was started within the hour.
func (s *system) young(ctx context.Context) bool {
	m, err := s.metrics(ctx)
	if err != nil {
		return false
	}
	at, ok := m.value("process_start_time_seconds")
	return ok && s.began.Sub(time.Unix(int64(at), 0)) < time.Hour
}

// requests looks for requests of people that are late, or will be.
func (s *system) requests(ctx context.Context) []Finding {
	m, err := s.metrics(ctx)
	if err != nil {
		return unseen(err)
	}
	list := s.overdue(m)
	if n, late := m.above("zgoda_erasure_late", 0); late {
		list = append(list, Finding{
			Level: Problem, What: fmt.Sprintf("%.0f erasures have not taken their rows away within rights.limit", n), Why: "people were promised that it is quick, and their rows are still there",
			Do: "`zgoda requests list` says what each waits for", Runbook: "ZgodaErasureLate",
		})
	}
	var failures float64
	m.each("zgoda_erasure_failures_total", "step", func(_ string, n float64) { failures += n })
	if queue, _ := m.value("zgoda_erasure_queue"); failures > 0 && queue > 0 {
		list = append(list, Finding{
			Level: Warning, What: fmt.Sprintf("steps of erasures failed %.0f times since the start, and %.0f erasures are under way", failures, queue), Why: "each is tried again, and late until it succeeds",
			Do: "`zgoda requests list` says what each waits for", Runbook: "ZgodaErasureLate",
		})
	}
	if n, gone := m.above("zgoda_notices_failed_total", 0); gone {
		list = append(list, Finding{
			Level: Warning, What: fmt.Sprintf("%.0f notices to recipients were given up since the start", n), Why: "whoever got the data has to be told of its erasure or correction (Art. 19 GDPR)",
			Do: "`zgoda requests list`; tell them by hand, then note it at the request", Runbook: "ZgodaRequestFailed",
		})
	}
	return list
}

func (s *system) overdue(m *Metrics) (list []Finding) {
	m.each("zgoda_requests_overdue", "right", func(right string, n float64) {
		if n > 0 {
			list = append(list, Finding{
				Level: Problem, What: fmt.Sprintf("%.0f requests of %s are past their deadline", n, right), Why: "a month is the law's limit (Art. 12(3) GDPR), and the person may complain to the authority",
				Do: "`zgoda requests list`; answer the oldest first, and tell each person why it is late", Runbook: "ZgodaRequestOverdue",
			})
		}
	})
	m.each("zgoda_requests_deadline_days", "right", func(right string, days float64) {
		if days >= 0 && days < 7 {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("a request of %s is due in %.1f days", right, days), Why: "a month is the law's limit (Art. 12(3) GDPR)",
				Do: "`zgoda requests list`; answer it, or extend it with a reason", Runbook: "ZgodaRequestDueSoon",
			})
		}
	})
	for _, state := range m.samples["zgoda_requests"] {
		if state.labels["state"] == "failed" && state.value > 0 {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("%.0f requests of %s have failed", state.value, state.labels["right"]), Why: "nothing more happens by itself, and their deadlines run on",
				Do: "`zgoda requests list` says why", Runbook: "ZgodaRequestFailed",
			})
		}
	}
	return list
}

// ledger is about the chain of consents and its proofs.
func (s *system) ledger(ctx context.Context) []Finding {
	list := s.inside(ctx, "ledger")
	m, err := s.metrics(ctx)
	if err != nil {
		return list
	}
	if n, failed := m.above("zgoda_ledger_checkpoint_failures_total", 0); failed {
		list = append(list, Finding{
			Level: Warning, What: fmt.Sprintf("a checkpoint could not be made %.0f times since the start", n), Why: "what no checkpoint covers could be cut off unseen",
			Do: "the log says why; see the volume of the control store", Runbook: "ZgodaLedgerUnanchored",
		})
	}
	at, _ := m.value("zgoda_ledger_checkpoint_number")
	m.each("zgoda_ledger_anchored_number", "anchor", func(place string, number float64) {
		fails := 0.0
		m.each("zgoda_ledger_anchor_failures_total", "anchor", func(other string, n float64) {
			if place == other {
				fails = n
			}
		})
		if number < at && fails > 0 {
			list = append(list, Finding{
				Level: Warning, What: fmt.Sprintf("the anchor %s has not the last checkpoint, and putting it there failed %.0f times", place, fails), Why: "whoever can write to the control store could alter what is not anchored",
				Do: "see whether the place can be reached and written to; the log says why it failed", Runbook: "ZgodaLedgerUnanchored",
			})
		}
	})
	return list
}
