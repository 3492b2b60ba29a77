package rekey

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/spool"
)

// Keeper keeps a gateway in step with the keyholder.
type Keeper struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	first   chan struct{} // closed when the keyholder has first answered
	started sync.Once
	rests   chan struct{} // closed when this gateway is to rewrite nothing any more
	resting sync.Once

	mu       sync.Mutex
	known    bool // revision and version are
	behind   bool // the keyholder has told another revision, which is not taken over yet
	revision uint64
	version  event.KeyVersion          // that contacts are under
	left     map[event.KeyVersion]bool // versions that contacts were under
	mark     spool.Position            // what was spooled before may be under an older one
	marked   bool
	open     bool
	heard    time.Time
	resume   func() // while the keyholder's word holds the writer
	leading  bool   // the job holds it
}

// New makes a keeper. Nothing is asked before Run.
func New(cfg Config, deps Deps) (*Keeper, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	m, err := newMetrics(deps.Registerer)
	if err != nil {
		return nil, err
	}
	return &Keeper{cfg: cfg, deps: deps, metrics: m, first: make(chan struct{}), rests: make(chan struct{}), left: make(map[event.KeyVersion]bool)}, nil
}

// Begun is closed when the keyholder has answered for the first time and the
// writer holds, if it is to: before that nothing may be stored.
func (k *Keeper) Begun() <-chan struct{} { return k.first }

// Rest ends the job, if one is at work, and begins no other. A gateway that stops calls
// it first: others have the lease at once, and it is still heard of while it stores.
func (k *Keeper) Rest() { k.resting.Do(func() { close(k.rests) }) }

// Run keeps in step until ctx ends, which must not be before the last event of this
// process is stored: whom the keyholder does not know, nobody waits for. A writer that
// is held for another gateway then stays so: that one rewrites on, and what is stored
// meanwhile would be lost.
func (k *Keeper) Run(ctx context.Context) error {
	var jobs sync.WaitGroup
	defer jobs.Wait()
	working, stop := context.WithCancel(ctx)
	defer stop() // before the wait
	jobs.Go(func() {
		select {
		case <-k.rests:
			stop()
		case <-working.Done():
		}
	})
	idle := make(chan struct{}, 1) // a job may begin
	idle <- struct{}{}
	said := ""
	for {
		said = k.tell(ctx, k.step(ctx), said)
		if k.deps.Admin != nil && k.isOpen() && working.Err() == nil {
			select {
			case <-idle:
				jobs.Go(func() { k.work(working); idle <- struct{}{} })
			default:
			}
		}
		if pause(ctx, k.interval()) != nil {
			return nil
		}
	}
}

// tell logs what went wrong with a step, once for each kind of trouble. It returns what
// was said last.
func (k *Keeper) tell(ctx context.Context, err error, said string) string {
	switch {
	case err == nil:
		return ""
	case ctx.Err() == nil && err.Error() != said:
		k.deps.Logger.Warn("not in step with the keyholder's keys; tried again", "error", err)
	}
	return err.Error()
}

// interval is how long it is until the next word: others wait for us while a
// rotation is open.
func (k *Keeper) interval() time.Duration {
	if k.isOpen() {
		return k.cfg.Poll / often
	}
	return k.cfg.Poll
}

const often = 5

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// step is one word with the keyholder, and what follows from it.
func (k *Keeper) step(ctx context.Context) error {
	answer, err := k.deps.Keyholder.Attend(ctx, k.cfg.Node, k.holds())
	if err != nil {
		return k.unheard(ctx)
	}
	k.mu.Lock()
	k.heard, k.open = time.Now(), answer.Open
	changed := !k.known || k.revision != answer.Revision
	k.behind = changed
	k.mu.Unlock()
	k.metrics.open.Set(0)
	if answer.Open {
		k.metrics.open.Set(1)
	}
	if changed {
		err = k.takeOver(ctx, answer.Revision)
	}
	switch {
	case answer.Hold:
		err = errors.Join(err, k.obey(ctx))
	default:
		err = errors.Join(err, k.letGo(ctx))
	}
	k.started.Do(func() { close(k.first) })
	return err
}

// unheard holds the writer when a rotation was open and nothing has been heard
// for too long: who rewrites may not wait for us any more.
func (k *Keeper) unheard(ctx context.Context) error {
	k.mu.Lock()
	late := k.open && time.Since(k.heard) > k.cfg.Silent
	k.mu.Unlock()
	if late {
		return k.obey(ctx)
	}
	return nil
}

// errBack is the answer of one of several keyholders that has not looked at the keys
// since another changed them. Going back to what was left would forget who is in
// memory under the new pseudonyms, for good.
var errBack = errors.New("the keyholder has the keys of before")

// takeOver works with the keys of another revision: what is in memory under old
// pseudonyms is forgotten, and what is spooled by now is marked.
func (k *Keeper) takeOver(ctx context.Context, revision uint64) error {
	if err := k.deps.Refetch(ctx); err != nil {
		return fmt.Errorf("fetch the keys: %w", err)
	}
	version, err := k.ask(ctx)
	if err != nil {
		return fmt.Errorf("ask for the version of the purpose key: %w", err)
	}
	k.mu.Lock()
	before, known, marked, back := k.version, k.known, k.marked, k.left[version]
	k.mu.Unlock()
	if back {
		return errBack
	}
	if known && before != version {
		k.deps.Subjects.Forget(before)
		k.mu.Lock()
		k.left[before] = true
		k.mu.Unlock()
	}
	if !marked || before != version {
		// A record that was put before Forget returned may still gather.
		if err := k.deps.Spool.Flush(ctx); err != nil {
			return fmt.Errorf("mark the spool: %w", err)
		}
		k.mu.Lock()
		k.mark, k.marked = k.deps.Spool.End(), true
		k.mu.Unlock()
	}
	k.mu.Lock()
	k.version, k.revision, k.known, k.behind = version, revision, true, false
	k.mu.Unlock()
	k.metrics.revision.Set(float64(revision))
	return nil
}

// ask learns the version that contacts are under from the answer for one whom
// nobody knows.
func (k *Keeper) ask(ctx context.Context) (event.KeyVersion, error) {
	q := pseudonym.Query{Kind: event.KindUserID}
	_, _ = rand.Read(q.H1[:]) // never fails (crypto/rand)
	handles, err := k.deps.Keyholder.Resolve(ctx, []pseudonym.Query{q})
	if err == nil && len(handles) != 1 {
		err = pseudonym.ErrAnswer
	}
	if err != nil {
		return 0, err
	}
	return handles[0].Version, nil
}

// obey holds the writer until the keyholder says otherwise. At the start it holds
// before anything is stored; the keyholder hears that only once the spool is clean.
func (k *Keeper) obey(ctx context.Context) error {
	k.mu.Lock()
	held, started := k.resume != nil, k.heardFirst()
	k.mu.Unlock()
	if held || started && !k.clean() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, k.cfg.Poll)
	defer cancel()
	resume, err := k.deps.Writer.Hold(ctx)
	if err != nil {
		return nil // a range is under way: the next step tries again
	}
	k.keep(resume)
	return nil
}

// keep is a hold of the writer that lasts until letGo.
func (k *Keeper) keep(resume func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.resume != nil {
		resume() // it is held as well
		return
	}
	k.resume = resume
	k.metrics.held.Set(1)
}

// heardFirst says whether storing has begun.
func (k *Keeper) heardFirst() bool {
	select {
	case <-k.first:
		return true
	default:
		return false
	}
}

// letGo lets the writer go on, as far as the keyholder's word goes. Whoever rewrote may
// be gone, with an exchange under way on a server that hangs, or one that is half done:
// it comes to its end, and without the copy, which is taken away then, none can happen
// any more, so that nothing that is stored now is lost.
func (k *Keeper) letGo(ctx context.Context) error {
	k.mu.Lock()
	resume, leading := k.resume, k.leading
	k.mu.Unlock()
	if resume == nil || leading { // the job holds the writer as well, and its copies are there
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, clearWithin)
	defer cancel()
	if err := k.deps.Clear(bounded); err != nil {
		return fmt.Errorf("take away what a rewriting left: %w", err)
	}
	k.mu.Lock()
	k.resume = nil
	k.mu.Unlock()
	resume()
	k.metrics.held.Set(0)
	return nil
}

// clearWithin is how long that may take. A lease that begins meanwhile waits for us.
const clearWithin = time.Minute

// clean says whether everything that may have been spooled under old pseudonyms
// is stored.
func (k *Keeper) clean() bool {
	k.mu.Lock()
	mark, marked := k.mark, k.marked && !k.behind
	k.mu.Unlock()
	return marked && k.deps.Spool.WaitsBefore(mark) == 0
}

// holds is what the keyholder is told: nothing is being stored, and nothing will
// be under old pseudonyms.
func (k *Keeper) holds() bool {
	k.mu.Lock()
	held := k.resume != nil || k.leading
	k.mu.Unlock()
	return held && k.clean()
}

// Held says whether the writer is held for another gateway, so that nothing is
// stored until that one lets go, or for good once Run has returned.
func (k *Keeper) Held() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.resume != nil
}

func (k *Keeper) isOpen() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open && k.known && !k.behind
}

func (k *Keeper) current() event.KeyVersion {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.version
}

func (k *Keeper) setLeading(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leading = on
}
