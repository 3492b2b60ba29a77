package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// endingName is the note of keys that are to go, and of those that have gone
// from the files and are not yet beyond every copy of them.
const endingName = "ending"

// kekName is what the key-encryption key is called among the keys.
const kekName = "kek"

type ending struct {
	Key     string `json:"key"`
	Version uint32 `json:"version"`
	Why     string `json:"why"`
}

func (r *Ring) endings(ctx context.Context) ([]ending, Revision, error) {
	content, revision, err := r.wraps.shelf.Read(ctx, endingName)
	if isMissing(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the note of ending keys: %w", err)
	}
	var all []ending
	if err := json.Unmarshal(content, &all); err != nil {
		return nil, 0, errors.New("the note of ending keys is damaged")
	}
	return all, revision, nil
}

func (r *Ring) addEnding(ctx context.Context, e ending) error {
	all, revision, err := r.endings(ctx)
	if err != nil || slices.Contains(all, e) {
		return err
	}
	content, err := json.Marshal(append(all, e))
	if err != nil {
		return fmt.Errorf("note an ending key: %w", err)
	}
	if _, err := r.wraps.shelf.Write(ctx, endingName, content, revision); err != nil {
		return fmt.Errorf("note an ending key: %w", err)
	}
	return nil
}

// finishEndings takes out of the files what a crash left in them.
func (r *Ring) finishEndings(ctx context.Context) error {
	all, _, err := r.endings(ctx)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Key == kekName {
			continue
		}
		s, err := r.wraps.read(ctx, e.Key)
		if isMissing(err) {
			continue
		}
		if err == nil {
			err = r.remove(ctx, s, e.Version)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// closeEndings records what is beyond every copy now.
func (r *Ring) closeEndings(ctx context.Context) error {
	all, _, err := r.endings(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	for _, e := range all {
		act := ActDestroyed
		if e.Key == kekName {
			if err := errors.Join(r.retire(ctx, e.Why), r.wraps.retireShred(ctx)); err != nil {
				return err
			}
			act = ActLeft
		}
		if err := r.record(ctx, act, e.Key, e.Version, e.Why); err != nil {
			return err
		}
	}
	if err := r.wraps.shelf.Destroy(ctx, endingName); err != nil {
		return fmt.Errorf("close the note of ending keys: %w", err)
	}
	return nil
}

// Unfinished says whether RenewWrapping has to be called again: a key has been
// taken out of the files, or an earlier call did not come to its end.
func (r *Ring) Unfinished(ctx context.Context) (bool, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	all, _, err := r.endings(ctx)
	return len(all) > 0 || len(r.wraps.keys) > 1, err
}

// sealingWait is how long an old sealing key is kept: as long as what was sealed
// under it may wait.
const (
	sealingWait = 7 * 24 * time.Hour
	sealingLife = 365 * 24 * time.Hour
)

// EndLives takes the keys out of the files whose time is over, and puts a new
// sealing key in use once a year. It returns how many keys ended; if any did,
// RenewWrapping puts them beyond every copy.
func (r *Ring) EndLives(ctx context.Context) (int, error) {
	ended, err := r.endSpans(ctx)
	if err != nil {
		return ended, err
	}
	purposes, err := r.endPurposes(ctx)
	if err != nil {
		return ended, err
	}
	sealing, err := r.renewSealing(ctx)
	return ended + purposes + sealing, err
}

// endSpans ends the keys of years, months and days.
func (r *Ring) endSpans(ctx context.Context) (int, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	names, err := r.wraps.names(ctx, "")
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, name := range names {
		until := r.ends(name)
		if until.IsZero() || r.now().Before(until) {
			continue
		}
		if err := r.drop(ctx, name, 0, "its time is over"); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

// endPurposes ends versions of purpose-profiling that were kept for the visitors
// of years that are over.
func (r *Ring) endPurposes(ctx context.Context) (int, error) {
	kept, err := r.unneededPurposes(ctx)
	if err != nil {
		return 0, err
	}
	for _, number := range kept {
		if err := r.Destroy(ctx, nameProfiling, number, "no visitor's year goes with it any more"); err != nil {
			return 0, err
		}
	}
	return len(kept), nil
}

func (r *Ring) unneededPurposes(ctx context.Context) ([]uint32, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	needed, err := r.purposesOfYears(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(r.sets[nameProfiling].having(StateKept), func(n uint32) bool { return slices.Contains(needed, n) }), nil
}

// purposesOfYears returns the versions that visitors are under.
func (r *Ring) purposesOfYears(ctx context.Context) ([]uint32, error) {
	years, err := r.wraps.names(ctx, visitorPrefix)
	if err != nil {
		return nil, err
	}
	purposes, err := r.sets[nameProfiling].keys(StateKept, StateOld, StateCurrent)
	if err != nil {
		return nil, err
	}
	var needed []uint32
	for _, year := range years {
		s, err := r.fetch(ctx, visitorPrefix+year)
		if err != nil {
			return nil, err
		}
		needed = append(needed, r.goesWith(s, purposes).id)
	}
	return needed, nil
}

// NeededByVisitors says whether a year's visitors are under a version of
// purpose-profiling.
func (r *Ring) NeededByVisitors(ctx context.Context, number uint32) (bool, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	needed, err := r.purposesOfYears(ctx)
	return slices.Contains(needed, number), err
}

// renewSealing changes the key that gateways seal to when it is a year old, and
// ends the one before when nothing sealed to it can wait any more.
func (r *Ring) renewSealing(ctx context.Context) (int, error) {
	r.changing.Lock()
	s, now := r.sets[nameSealing], r.now()
	r.changing.Unlock()
	old := s.having(StateOld)
	var since time.Time
	for _, m := range s.head.Versions {
		if m.State == StateCurrent {
			since = m.Made
		}
	}
	if now.Sub(since) > sealingLife {
		number, err := r.Make(ctx, nameSealing)
		if err != nil {
			return 0, err
		}
		return 0, r.Promote(ctx, nameSealing, number)
	}
	if now.Sub(since) < sealingWait {
		return 0, nil
	}
	for _, number := range old {
		if err := r.Destroy(ctx, nameSealing, number, "nothing sealed to it waits any more"); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// Status returns the state of every version of every key, in the order of names.
func (r *Ring) Status(ctx context.Context) ([]KeyStatus, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	names, err := r.wraps.names(ctx, "")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var out []KeyStatus
	for _, name := range names {
		h, err := r.headOf(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, m := range h.Versions {
			out = append(out, KeyStatus{Key: Key(name), Version: m.Number, State: m.State, Made: m.Made, Until: r.ends(name), Used: used(name)})
		}
	}
	out = append(out, KeyStatus{Key: "wrapping", Version: r.wraps.newest, State: StateCurrent, Used: "wraps all keysets; under " + r.wraps.provider.Describe()})
	return out, nil
}

// headOf returns what is known of a keyset's versions. It opens none that it can
// do without, so that the status of the keys can be told while none can be opened.
func (r *Ring) headOf(ctx context.Context, name string) (head, error) {
	if s, ok := r.sets[name]; ok {
		return s.head, nil
	}
	if r.Lagging() == nil {
		s, err := r.wraps.read(ctx, name)
		if err != nil {
			return head{}, err
		}
		return s.head, nil
	}
	content, _, err := r.wraps.shelf.Read(ctx, name+suffix)
	if err != nil {
		return head{}, err
	}
	h, _, _, err := headOf(content)
	return h, err
}

// used says what for a key is.
func used(name string) string {
	if text, ok := map[string]string{
		nameGate: "blinds contacts' identifiers at the gateways", nameGateVisitor: "blinds visitors and other ids at the gateways",
		nameLink: "finds a contact by its blinded identifier", nameSlot: "seals salts and contacts' own keys in the vault",
		nameDecoy: "pseudonyms of contacts that do not exist", nameSpool: "seals the gateways' spools", nameCookie: "seals the gateways' cookies",
		nameConsent: "consent pseudonyms", nameProfiling: "profiling pseudonyms", nameVisitorConsent: "visitors' consent pseudonyms",
		OwnAuthority: "signs certificates", nameSealing: "opens identifiers that waited for the keyholder", OwnCalls: "seals the log of calls",
		OwnRef: "references to contacts",
	}[name]; ok {
		return text
	}
	switch {
	case strings.HasPrefix(name, visitorPrefix):
		return "visitors' activity of one year"
	case strings.HasPrefix(name, analyticsPrefix):
		return "analytics pseudonyms of one month"
	case strings.HasPrefix(name, tombPrefix):
		return "tombstones of one day"
	case strings.HasPrefix(name, journalPrefix):
		return "journal of erasures, of what is kept until that month"
	}
	return ""
}
