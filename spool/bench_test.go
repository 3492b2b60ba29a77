package spool

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// BenchmarkDurable compares a durable record with the least that can be done for
// one: append to a file under the same kind of group commit.
func BenchmarkDurable(b *testing.B) {
	rec := make([]byte, 300)
	b.Run("spool", func(b *testing.B) {
		cfg := DefaultConfig()
		cfg.Dir = b.TempDir()
		s := start(b, cfg, disk{})
		b.ReportAllocs()
		b.SetParallelism(256)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ticket, err := s.Put(rec)
				if err == nil {
					err = s.Wait(b.Context(), ticket)
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("bare", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
		if err != nil {
			b.Fatal(err)
		}
		bare := &bareLog{file: diskFile{f}, wake: make(chan struct{}, 1), done: make(chan struct{})}
		ended := make(chan struct{})
		go func() { defer close(ended); bare.run(b) }()
		b.ReportAllocs()
		b.SetParallelism(256)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				bare.append(rec)
			}
		})
		close(bare.wake)
		<-ended
		_ = f.Close()
	})
}

// bareLog is a group-committed append without seal, checksum or reader.
type bareLog struct {
	mu   sync.Mutex
	buf  []byte
	done chan struct{}
	wake chan struct{}
	file diskFile
}

func (l *bareLog) append(rec []byte) {
	l.mu.Lock()
	l.buf = append(l.buf, rec...)
	done := l.done
	l.mu.Unlock()
	notify(l.wake)
	<-done
}

func (l *bareLog) run(b *testing.B) {
	b.Helper()
	var spare []byte
	for range l.wake {
		l.mu.Lock()
		buf, done := l.buf, l.done
		l.buf, l.done = spare[:0], make(chan struct{})
		l.mu.Unlock()
		if _, err := l.file.Write(buf); err != nil {
			b.Error(err)
		}
		if err := l.file.Sync(); err != nil {
			b.Error(err)
		}
		spare = buf
		close(done)
	}
}
