package keyring

import (
	"context"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"zgoda/event"
)

// Named is a pseudonym and what it is under.
type Named struct {
	Handle  event.Handle
	Purpose string       // consent, profiling, analytics
	Period  event.Period // of analytics; 0: it lasts
	Version event.KeyVersion
}

// All computes every pseudonym that somebody has under the keys that there still
// are, those of past periods too. It belongs to one goroutine.
type All struct {
	consent, lasting hash.Hash // a contact's, a visitor's
	profiling        []dated
	analytics        []dated
	years            []year

	in, out [32]byte
}

// dated is a key with what its pseudonyms are for.
type dated struct {
	mac     hash.Hash
	period  event.Period
	version event.KeyVersion
}

// year is a year's visitors.
type year struct {
	number    int
	visitor   []hash.Hash
	profiling dated
}

// All returns what computes all pseudonyms.
func (r *Ring) All(ctx context.Context) (*All, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	a := &All{}
	for name, to := range map[string]*hash.Hash{nameConsent: &a.consent, nameVisitorConsent: &a.lasting} {
		v, err := r.sets[name].current()
		if err != nil {
			return nil, err
		}
		*to = keyed(v)
	}
	purposes, err := r.sets[nameProfiling].keys(StateKept, StateOld, StateCurrent)
	if err != nil {
		return nil, err
	}
	for _, v := range purposes {
		a.profiling = append(a.profiling, dated{mac: keyed(v), version: event.KeyVersion(v.id)})
	}
	if err := r.addPeriods(ctx, a); err != nil {
		return nil, err
	}
	return a, r.addYears(ctx, a, purposes)
}

func (r *Ring) addPeriods(ctx context.Context, a *All) error {
	periods, err := r.wraps.names(ctx, analyticsPrefix)
	if err != nil {
		return err
	}
	for _, text := range periods {
		number, err := strconv.ParseUint(strings.TrimPrefix(text, analyticsPrefix), 10, 32)
		if err != nil {
			continue // no name of ours
		}
		s, err := r.fetch(ctx, analyticsName(event.Period(number)))
		if err != nil {
			return err
		}
		versions, err := s.keys(StateKept, StateOld, StateCurrent)
		if err != nil {
			return err
		}
		for _, v := range versions {
			a.analytics = append(a.analytics, dated{mac: keyed(v), period: event.Period(number), version: event.KeyVersion(v.id)})
		}
	}
	return nil
}

func (r *Ring) addYears(ctx context.Context, a *All, purposes []version) error {
	years, err := r.wraps.names(ctx, visitorPrefix)
	if err != nil {
		return err
	}
	for _, text := range years {
		number, err := strconv.Atoi(strings.TrimPrefix(text, visitorPrefix))
		if err != nil {
			continue
		}
		s, err := r.fetch(ctx, visitorName(number))
		if err != nil {
			return err
		}
		visitor, err := s.keys(StateKept, StateOld, StateCurrent)
		if err != nil {
			return fmt.Errorf("visitors of %d: %w", number, err)
		}
		with := r.goesWith(s, purposes)
		a.years = append(a.years, year{
			number: number, visitor: keyedAll(visitor),
			profiling: dated{mac: keyed(with), version: event.KeyVersion(with.id)},
		})
	}
	return nil
}

// Contact goes over the pseudonyms that come from a salt, the lasting ones first,
// until yield says no.
func (a *All) Contact(salt Salt, yield func(Named) bool) {
	if !yield(Named{Handle: a.handle(a.consent, salt), Purpose: "consent"}) {
		return
	}
	for _, p := range a.profiling {
		if !yield(Named{Handle: a.handle(p.mac, salt), Purpose: "profiling", Version: p.version}) {
			return
		}
	}
	a.periods(salt, a.analytics, yield)
}

func (a *All) periods(salt [32]byte, keys []dated, yield func(Named) bool) {
	for _, p := range keys {
		if !yield(Named{Handle: a.handle(p.mac, salt), Purpose: "analytics", Period: p.period, Version: p.version}) {
			return
		}
	}
}

// Visitor goes over the pseudonyms that a visitor has, the one of consent first.
func (a *All) Visitor(h1 event.Blinded, yield func(Named)) {
	all := func(n Named) bool { yield(n); return true }
	all(Named{Handle: a.handle(a.consent, a.sum(a.lasting, h1)), Purpose: "consent"})
	for _, y := range a.years {
		for _, mac := range y.visitor {
			salt := a.sum(mac, h1)
			all(Named{Handle: a.handle(y.profiling.mac, salt), Purpose: "profiling", Version: y.profiling.version})
			a.periods(salt, y.near(a.analytics), all)
		}
	}
}

// near returns the keys of a year's months and of the months beside it, since a
// clock may be on the other side of the turn.
func (y *year) near(keys []dated) []dated {
	var out []dated
	for _, k := range keys {
		month := int(k.period)/100*12 + int(k.period)%100 - 1
		if first := y.number * 12; month >= first-1 && month <= first+12 {
			out = append(out, k)
		}
	}
	return out
}

func (a *All) handle(key hash.Hash, salt [32]byte) (h event.Handle) {
	sum := a.sum(key, salt)
	copy(h[:], sum[:])
	return h
}

func (a *All) sum(key hash.Hash, message [32]byte) [32]byte {
	a.in = message
	key.Reset()
	key.Write(a.in[:])
	key.Sum(a.out[:0])
	return a.out
}
