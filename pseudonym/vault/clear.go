package vault

import (
	"context"
	"fmt"
	"time"
)

// Settle is how long at most the log of changes keeps commits that took nothing away:
// new contacts, links, and what events said in the place of what earlier ones said.
// What is taken away otherwise is in no file when the call returns.
const Settle = 5 * time.Second

// log is what the database's log of changes still has to be rid of. It belongs to who
// holds writing.
type log struct {
	owed   bool // something was taken away, which is in the log or in the file
	timer  *time.Timer
	closed bool
}

// clear empties the log. After a failure no transaction begins before it is done.
func (v *Vault) clear(ctx context.Context) error {
	v.log.owed = true
	if err := v.db.clear(ctx, v.db.DB); err != nil {
		return fmt.Errorf("clear the log of changes: %w", err)
	}
	v.log.owed = false
	v.log.stop()
	return nil
}

// clearSoon empties the log within Settle.
func (v *Vault) clearSoon() {
	if v.log.timer == nil && !v.log.closed && !v.db.shared() {
		v.log.timer = time.AfterFunc(Settle, v.settle)
	}
}

func (v *Vault) settle() {
	v.writing <- struct{}{}
	defer func() { <-v.writing }()
	if v.log.closed {
		return
	}
	v.log.timer = nil
	if err := v.clear(context.Background()); err != nil {
		v.clearSoon()
	}
}

// stop ends the wait for the next clearing.
func (l *log) stop() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// close is for good: the database empties its log when it is closed.
func (l *log) close() {
	l.stop()
	l.closed = true
}
