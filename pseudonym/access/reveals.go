package access

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"zgoda/pseudonym/role"
)

const (
	approveWithin = 15 * time.Minute
	maxWaiting    = 256
)

// Reveals lets so many reveals an hour through, and has a second person approve
// each one above that. Documents of a contact that the same caller and actor were shown
// within the last quarter of an hour do not count: they are part of what was shown.
type Reveals struct {
	limit *buckets
	now   func() time.Time

	mu      sync.Mutex
	waiting map[[16]byte]*Waiting
	shown   map[shown]time.Time // until when its documents do not count
}

// shown is a contact that somebody was shown.
type shown struct {
	who   role.Caller
	actor string
	ref   string
}

// Waiting is a reveal that wants a second person.
type Waiting struct {
	ID           [16]byte
	Caller       role.Caller
	Actor        string
	Reason       string
	Since, Until time.Time
	Approved     bool

	what string // of whom, and which document
}

// NewReveals makes the limit.
func NewReveals(perHour int, now func() time.Time) *Reveals {
	return &Reveals{limit: newBuckets(float64(perHour), float64(perHour)/3600), now: now, waiting: make(map[[16]byte]*Waiting), shown: make(map[shown]time.Time)}
}

// Errors of approvals.
var (
	ErrApproval   = errors.New("there is no such approval, or it has ended")
	ErrSamePerson = errors.New("a second person must approve")
	ErrCrowded    = errors.New("too many reveals wait for a second person")
)

// refBytes is how long a reference to a contact is; the id of a document follows it.
const refBytes = 16

// ask lets a reveal through, or returns what a second person is to approve.
func (r *Reveals) ask(who role.Caller, actor, reason, what string, approval []byte) (needed []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.expire(now)
	of := shown{who, actor, what[:min(len(what), refBytes)]}
	if len(approval) > 0 {
		if err := r.redeem(who, actor, what, approval); err != nil {
			return nil, err
		}
		r.show(of, what, now)
		return nil, nil
	}
	if _, seen := r.shown[of]; seen && len(what) > refBytes {
		return nil, nil
	}
	if r.limit.take(who, 1, now) {
		r.show(of, what, now)
		return nil, nil
	}
	for _, w := range r.waiting {
		if w.Caller == who && w.Actor == actor && w.what == what {
			return slices.Clone(w.ID[:]), nil
		}
	}
	if len(r.waiting) >= maxWaiting {
		return nil, ErrCrowded
	}
	w := &Waiting{Caller: who, Actor: actor, Reason: reason, Since: now, Until: now.Add(approveWithin), what: what}
	_, _ = rand.Read(w.ID[:]) // never fails
	r.waiting[w.ID] = w
	return slices.Clone(w.ID[:]), nil
}

// show notes that somebody is shown a contact as a whole.
func (r *Reveals) show(of shown, what string, now time.Time) {
	if len(what) == refBytes {
		r.shown[of] = now.Add(approveWithin)
	}
}

// redeem uses an approval up.
func (r *Reveals) redeem(who role.Caller, actor, what string, approval []byte) error {
	w := r.find(approval)
	if w == nil || !w.Approved || w.Caller != who || w.Actor != actor || w.what != what {
		return ErrApproval
	}
	delete(r.waiting, w.ID)
	return nil
}

func (r *Reveals) find(id []byte) *Waiting {
	if len(id) != 16 {
		return nil
	}
	return r.waiting[[16]byte(id)]
}

// Approve lets a waiting reveal through, once, if another person acts.
func (r *Reveals) Approve(id []byte, actor string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(r.now())
	w := r.find(id)
	if w == nil {
		return ErrApproval
	}
	if strings.EqualFold(strings.TrimSpace(actor), strings.TrimSpace(w.Actor)) {
		return ErrSamePerson
	}
	w.Approved = true
	return nil
}

// Waiting lists the reveals that wait, the oldest first.
func (r *Reveals) Waiting() []Waiting {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(r.now())
	list := make([]Waiting, 0, len(r.waiting))
	for _, w := range r.waiting {
		list = append(list, *w)
	}
	slices.SortFunc(list, func(a, b Waiting) int { return a.Since.Compare(b.Since) })
	return list
}

func (r *Reveals) expire(now time.Time) {
	for id, w := range r.waiting {
		if !w.Until.After(now) {
			delete(r.waiting, id)
		}
	}
	for of, until := range r.shown {
		if !until.After(now) {
			delete(r.shown, of)
		}
	}
}
