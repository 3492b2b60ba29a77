package calls

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/pseudonym/secret"
)

// Log is an open log. It is safe for concurrent use.
type Log struct {
	cfg Config
	seq atomic.Uint64 // number of the last durable entry

	queueing sync.Mutex
	queue    []*waiting
	leading  bool // somebody writes
	closed   bool

	files  files         // the leader's alone
	key    secret.Bytes  // of seals; under queueing
	sealed atomic.Uint64 // number of the last seal

	counting sync.Mutex
	counts   map[countKey]*Entry
}

// waiting are entries that want to be written.
type waiting struct {
	entries []Entry
	seal    bool
	done    chan error
}

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the log of calls is closed")

// Open opens the log, and makes it if it is not there. What a crash left of a
// line that was never answered for is cut off.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l := &Log{cfg: cfg, counts: make(map[countKey]*Entry)}
	if err := l.files.open(cfg.Dir); err != nil {
		return nil, err
	}
	l.seq.Store(l.files.number)
	return l, nil
}

// Seq returns the number of the last entry.
func (l *Log) Seq() uint64 { return l.seq.Load() }

// Damaged says that the newest file could not be read to its end when the log
// was opened; the log went on in a new file, and Verify tells where.
func (l *Log) Damaged() bool { return l.files.damaged }

// SealUnder gives the log the key of its seals. Before it there are none.
func (l *Log) SealUnder(key secret.Bytes) {
	l.queueing.Lock()
	l.key = key
	l.queueing.Unlock()
}

// Append writes one entry. It is on disk when Append returns nil.
func (l *Log) Append(e Entry) error {
	return l.put(&waiting{entries: []Entry{e}, done: make(chan error, 1)})
}

// put queues entries and waits. The first to come writes for all that come
// meanwhile, with one sync for each turn.
func (l *Log) put(w *waiting) error {
	l.queueing.Lock()
	if l.closed {
		l.queueing.Unlock()
		return ErrClosed
	}
	l.queue = append(l.queue, w)
	lead := !l.leading
	l.leading = true
	l.queueing.Unlock()
	if lead {
		l.lead()
	}
	return <-w.done
}

func (l *Log) lead() {
	for {
		l.queueing.Lock()
		turn, key := l.queue, l.key
		l.queue = nil
		if len(turn) == 0 {
			l.leading = false
			l.queueing.Unlock()
			return
		}
		l.queueing.Unlock()
		err := l.write(turn, key)
		for _, w := range turn {
			w.done <- err
		}
	}
}

// write encodes a turn's entries behind the chain's head. The head moves only
// when they are on disk.
func (l *Log) write(turn []*waiting, key secret.Bytes) error {
	if err := l.files.ready(l.cfg.FileBytes); err != nil {
		return err
	}
	var out []byte
	number, head, sealed := l.files.number, l.files.head, l.sealed.Load()
	add := func(e Entry, mac string) error {
		number++
		e.Number, e.At = number, l.cfg.Now()
		text, hash, err := encode(&e, mac, head)
		if err == nil {
			out, head = append(out, text...), hash
		}
		return err
	}
	for _, w := range turn {
		for _, e := range w.entries {
			if err := add(e, ""); err != nil {
				return err
			}
		}
		if w.seal && !key.IsZero() && number > sealed {
			if err := add(Entry{Act: actSeal}, sealOf(key, number, head)); err != nil {
				return err
			}
			sealed = number
		}
	}
	if err := l.files.write(out, number, head); err != nil {
		return err
	}
	l.sealed.Store(sealed)
	l.seq.Store(number)
	return nil
}

// sealOf is what a seal says of the entry before it.
func sealOf(key secret.Bytes, number uint64, head Hash) string {
	mac := hmac.New(sha256.New, key.Reveal())
	mac.Write([]byte("zgoda calls seal"))
	mac.Write(binary.BigEndian.AppendUint64(nil, number))
	mac.Write(head[:])
	return hex.EncodeToString(mac.Sum(nil))
}

// Run writes what Count gathered and seals the head, until the context ends.
// failed is told of what could not be written; the counts are kept then.
func (l *Log) Run(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	gathered, sealed := time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			all, seal := now.Sub(gathered) >= l.cfg.Gather, now.Sub(sealed) >= l.cfg.Seal
			if err := l.flush(all, seal); err != nil {
				failed(err)
				continue
			}
			if all {
				gathered = now
			}
			if seal {
				sealed = now
			}
		}
	}
}

// flush writes the sums that are due, and a seal if it is.
func (l *Log) flush(all, seal bool) error {
	entries := l.take(all)
	if len(entries) == 0 && (!seal || l.sealed.Load() == l.seq.Load()) {
		return nil
	}
	err := l.put(&waiting{entries: entries, seal: seal, done: make(chan error, 1)})
	if err != nil {
		l.back(entries)
	}
	return err
}

// Close writes what was gathered, seals the head and closes the files. Appends
// after it fail. It may be called again.
func (l *Log) Close() error {
	err := l.flush(true, true)
	if errors.Is(err, ErrClosed) {
		return nil
	}
	l.queueing.Lock()
	l.closed = true
	l.queueing.Unlock()
	return errors.Join(err, l.files.close())
}
