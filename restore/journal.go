package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"zgoda/pseudonym"
)

// Journal are the erasures that are written down in a folder of this gateway: a file
// for each month in which some were carried out, gone with the last of them. It is safe
// for concurrent use, by one process.
type Journal struct {
	dir string

	mu      sync.Mutex
	entries map[[16]byte]place
	damage  []error
}

// place says where an entry is.
type place struct {
	file  string
	at    int64 // of its frame
	size  int
	until time.Time
}

const suffix = ".erasures"

// OpenJournal opens the folder, making it when it is not there. What a crash has cut
// off is cut off; a file that is damaged is set aside, and what is whole of it is kept.
func OpenJournal(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of erasures: %w", err)
	}
	j := &Journal{dir: dir, entries: map[[16]byte]place{}}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the erasures: %w", err)
	}
	for _, f := range list {
		switch name := f.Name(); {
		case strings.HasSuffix(name, suffix):
			if err := j.load(name); err != nil {
				return nil, err
			}
		case strings.HasSuffix(name, suffix+".part"):
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return nil, fmt.Errorf("remove what was not finished: %w", err)
			}
		}
	}
	return j, nil
}

// Damage returns what was found damaged when the folder was opened. The entries that
// were lost are put back by a Gate from where else they are.
func (j *Journal) Damage() []error { return j.damage }

func (j *Journal) load(name string) error {
	path := filepath.Join(j.dir, name)
	raw, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the erasures of %s: %w", name, err)
	}
	found, whole, damaged := scan(raw)
	switch {
	case damaged != nil:
		j.damage = append(j.damage, fmt.Errorf("%s: %w", name, damaged))
		if err := j.setAside(path, raw[:whole]); err != nil {
			return err
		}
	case whole < len(raw):
		if err := truncate(path, int64(whole)); err != nil {
			return err
		}
	}
	for _, e := range found {
		j.entries[e.id] = place{file: name, at: int64(e.at), size: e.size, until: e.until}
	}
	return nil
}

// setAside keeps a damaged file beside what is whole of it.
func (j *Journal) setAside(path string, whole []byte) error {
	aside := path + ".damaged"
	if err := os.Rename(path, aside); err != nil {
		return fmt.Errorf("set a damaged file aside: %w", err)
	}
	return j.replace(path, whole)
}

// replace writes a file whole or not at all; an empty one is none.
func (j *Journal) replace(path string, content []byte) error {
	if len(content) <= len(magic) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a file of erasures: %w", err)
		}
		return syncFolder(j.dir)
	}
	if err := writeSynced(path+".part", content); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("replace a file of erasures: %w", err)
	}
	return syncFolder(j.dir)
}

// Append writes down erasures that are not yet. When it returns nil they are on the
// disk.
func (j *Journal) Append(entries []pseudonym.SealedErasure) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	byFile := map[string][]*pseudonym.SealedErasure{}
	seen := map[[16]byte]bool{}
	for i := range entries {
		e := &entries[i]
		if _, there := j.entries[e.ID]; there || seen[e.ID] {
			continue
		}
		if len(e.Entry) == 0 || len(e.Entry) > maxEntry {
			return ErrEntry
		}
		seen[e.ID] = true
		name := e.At.UTC().Format("2006-01") + suffix
		byFile[name] = append(byFile[name], e)
	}
	for _, name := range sortedKeys(byFile) {
		if err := j.appendTo(name, byFile[name]); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) appendTo(name string, list []*pseudonym.SealedErasure) (err error) {
	f, err := os.OpenFile(filepath.Join(j.dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the erasures of %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open the erasures of %s: %w", name, err)
	}
	end := info.Size()
	var b []byte
	if end == 0 {
		b = append(b, magic...)
	}
	places := make([]place, len(list))
	for i, e := range list {
		at := end + int64(len(b))
		b = appendFrame(b, e)
		places[i] = place{file: name, at: at, size: int(end + int64(len(b)) - at), until: e.Until}
	}
	_, err = f.WriteAt(b, end)
	if err == nil {
		err = f.Sync()
	}
	if err == nil && end == 0 {
		err = syncFolder(j.dir)
	}
	if err != nil {
		// What is half there would be taken for damage once more follows it.
		return errors.Join(fmt.Errorf("write down erasures: %w", err), f.Truncate(end))
	}
	for i, e := range list {
		j.entries[e.ID] = places[i]
	}
	return nil
}

// IDs returns which erasures are written down.
func (j *Journal) IDs() [][16]byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	ids := make([][16]byte, 0, len(j.entries))
	for id := range j.entries {
		ids = append(ids, id)
	}
	return ids
}

// Entries returns erasures; those that are not written down are left out.
func (j *Journal) Entries(ids [][16]byte) ([]pseudonym.SealedErasure, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	byFile := map[string][]place{}
	for _, id := range ids {
		if p, there := j.entries[id]; there {
			byFile[p.file] = append(byFile[p.file], p)
		}
	}
	var out []pseudonym.SealedErasure
	for _, name := range sortedKeys(byFile) {
		found, err := j.read(name, byFile[name])
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func (j *Journal) read(name string, places []place) (out []pseudonym.SealedErasure, err error) {
	f, err := os.Open(filepath.Join(j.dir, name))
	if err != nil {
		return nil, fmt.Errorf("open the erasures of %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, p := range places {
		b := make([]byte, p.size)
		if _, err := f.ReadAt(b, p.at); err != nil {
			return nil, fmt.Errorf("read the erasures of %s: %w", name, err)
		}
		e, _, err := readFrame(b)
		if err != nil {
			return nil, fmt.Errorf("read the erasures of %s: %w", name, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// Sweep removes what is past its time.
func (j *Journal) Sweep(now time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	byFile := map[string][]place{}
	past := map[string]int{}
	for _, p := range j.entries {
		byFile[p.file] = append(byFile[p.file], p)
		if !p.until.After(now) {
			past[p.file]++
		}
	}
	for _, name := range sortedKeys(past) {
		if err := j.sweep(name, byFile[name], now); err != nil {
			return err
		}
	}
	return j.sweepDamaged(now)
}

// sweep writes a file again without what is past its time.
func (j *Journal) sweep(name string, places []place, now time.Time) error {
	keep := slices.DeleteFunc(places, func(p place) bool { return !p.until.After(now) })
	slices.SortFunc(keep, func(a, b place) int { return int(a.at - b.at) })
	list, err := j.read(name, keep)
	if err != nil {
		return err
	}
	content := []byte(magic)
	fresh := map[[16]byte]place{}
	for i := range list {
		at := len(content)
		content = appendFrame(content, &list[i])
		fresh[list[i].ID] = place{file: name, at: int64(at), size: len(content) - at, until: list[i].Until}
	}
	if err := j.replace(filepath.Join(j.dir, name), content); err != nil {
		return err
	}
	for id, p := range j.entries {
		if p.file == name {
			delete(j.entries, id)
		}
	}
	maps.Copy(j.entries, fresh)
	return nil
}

// sweepDamaged removes files that were set aside once anything in them would be past
// its time.
func (j *Journal) sweepDamaged(now time.Time) error {
	aside, err := filepath.Glob(filepath.Join(j.dir, "*.damaged"))
	if err != nil {
		return err
	}
	for _, path := range aside {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("look at a damaged file: %w", err)
		}
		if now.Sub(info.ModTime()) > longest {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("remove a damaged file: %w", err)
			}
		}
	}
	return nil
}

// longest is how long an entry is kept at most.
const longest = 400 * 24 * time.Hour
