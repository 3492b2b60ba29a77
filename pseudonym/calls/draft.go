package calls

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// What an entry says that opens the draft of an incident; its why is the kind.
const (
	ActIncident  = "incident"
	OutcomeDraft = "draft"
)

// Draft is an incident that the keyholder suspects, for somebody to decide about.
type Draft struct {
	Number       uint64 // of its entry
	Opened       time.Time
	Kind         string
	Role, Caller string
	Facts        []Fact // of that caller, from a day before to a day after, in whole hours
}

// Fact is what a metric counted, as the log has it. Those of nothing are left out.
type Fact struct {
	Metric string
	Count  uint64
}

// around is how long before and after a draft a caller's calls belong to it.
const around = 24

// tally is what one caller did in an hour.
type tally struct{ waiting, revealed, refused, unknown, minted uint64 }

type hour struct {
	role, caller string
	at           int64 // since 1970
}

// Drafts reads entries and returns the drafts among them, the oldest first. It
// checks nothing: a line that is no entry is passed over, for Verify to tell.
func Drafts(r io.Reader) ([]Draft, error) {
	var drafts []Draft
	hours := make(map[hour]*tally)
	in := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("read the log of calls: %w", err)
		}
		e, err := decode(text[:len(text)-1])
		switch {
		case err != nil:
		case e.Act == ActIncident && e.Outcome == OutcomeDraft:
			drafts = append(drafts, Draft{Number: e.Number, Opened: e.At, Kind: e.Why, Role: e.Role, Caller: e.Caller})
		default:
			at := hour{e.Role, e.Caller, e.At.Unix() / 3600}
			if hours[at] == nil {
				hours[at] = &tally{}
			}
			hours[at].add(&e.Entry)
		}
	}
	for i := range drafts {
		drafts[i].Facts = drafts[i].facts(hours)
	}
	return drafts, nil
}

func (t *tally) add(e *Entry) {
	n := max(e.Calls, 1)
	t.unknown += e.Unknown
	t.minted += e.Minted
	switch {
	case e.Outcome == "waiting":
		t.waiting += n
	case e.Outcome == "done" && (e.Act == "reveal" || e.Act == "attachment"):
		t.revealed += n
	case e.Outcome == "refused" && e.Why == "quota":
		t.refused += n
	}
}

func (d *Draft) facts(hours map[hour]*tally) []Fact {
	var sum tally
	at := d.Opened.Unix() / 3600
	for h := at - around; h <= at+around; h++ {
		if t := hours[hour{d.Role, d.Caller, h}]; t != nil {
			sum.waiting += t.waiting
			sum.revealed += t.revealed
			sum.refused += t.refused
			sum.unknown += t.unknown
			sum.minted += t.minted
		}
	}
	all := []Fact{
		{"zgoda_keyholder_reveal_limit_total", sum.waiting},
		{"zgoda_keyholder_reveals_total", sum.revealed},
		{"zgoda_keyholder_quota_refused_total", sum.refused},
		{"zgoda_keyholder_unknown_total", sum.unknown},
		{"zgoda_keyholder_minted_total", sum.minted},
	}
	return slices.DeleteFunc(all, func(f Fact) bool { return f.Count == 0 })
}
