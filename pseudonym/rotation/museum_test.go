package rotation

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// museum keeps a copy of everything that was ever in the files of a folder: of
// each state of each file that it got to see.
type museum struct {
	tb     testing.TB
	dir    string
	except string // a folder that is not copied

	mu    sync.Mutex
	files map[[32]byte]exhibit

	inotify *os.File
	watched map[int32]string
	ended   chan struct{}
}

// exhibit is one state of one file.
type exhibit struct {
	name    string
	content []byte
}

// newMuseum copies at every change that the kernel tells of, in the folders that
// are there now, beside the copies that collect is asked for.
func newMuseum(tb testing.TB, dir, except string, folders ...string) *museum {
	tb.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		tb.Fatal(err)
	}
	m := &museum{
		tb: tb, dir: dir, except: except, files: make(map[[32]byte]exhibit),
		inotify: os.NewFile(uintptr(fd), "inotify"), watched: make(map[int32]string), ended: make(chan struct{}),
	}
	for _, folder := range folders {
		w, err := unix.InotifyAddWatch(fd, filepath.Join(dir, folder), unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE)
		if err != nil {
			tb.Fatal(err)
		}
		m.watched[int32(w)] = filepath.Join(dir, folder)
	}
	m.collect()
	go m.follow()
	tb.Cleanup(func() {
		_ = m.inotify.Close()
		<-m.ended
	})
	return m
}

func (m *museum) follow() {
	defer close(m.ended)
	buffer := make([]byte, 64<<10)
	for {
		n, err := m.inotify.Read(buffer)
		if err != nil {
			return
		}
		for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			folder := m.watched[int32(binary.NativeEndian.Uint32(rest))]
			length := int(binary.NativeEndian.Uint32(rest[12:]))
			name := strings.TrimRight(string(rest[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length]), "\x00")
			m.copy(filepath.Join(folder, name))
			rest = rest[unix.SizeofInotifyEvent+length:]
		}
	}
}

// copy keeps a file as it is now, if it still is.
func (m *museum) copy(path string) {
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[sha256.Sum256(append([]byte(path), content...))] = exhibit{filepath.Base(path), content}
}

// collect copies everything.
func (m *museum) collect() {
	m.tb.Helper()
	err := filepath.WalkDir(m.dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == m.except && m.except != "":
			return fs.SkipDir
		case entry.Type().IsRegular():
			m.copy(path)
		}
		return nil
	})
	if err != nil {
		m.tb.Error(err)
	}
}

func (m *museum) exhibits() []exhibit {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]exhibit, 0, len(m.files))
	for _, e := range m.files {
		out = append(out, e)
	}
	return out
}
