package restore

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The members of a backup. The manifest is the last: without it a backup is not whole.
const (
	ControlFile  = "control.db"
	TablesFile   = "clickhouse.tar"
	manifestFile = "manifest.json"

	manifestVersion = 1
	maxManifest     = 64 << 20
)

var members = []string{ControlFile, TablesFile, manifestFile}

// Manifest says what a backup holds.
type Manifest struct {
	Version int       `json:"version"` // 1
	Program string    `json:"program"`
	Made    time.Time `json:"made"`
	// Restorable is until when it may be restored: later the journal of erasures does
	// not know any more who was erased since.
	Restorable time.Time `json:"restorable_until"`
	Files      []File    `json:"files"`
	// Left are parts that the backup does not hold, in words.
	Left []string `json:"not_in_it"`
	// Erasures are the ids of those that had been carried out.
	Erasures []string `json:"erasures"`
}

// File is a file of a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Errors of backups.
var (
	ErrBackup  = errors.New("the backup is not whole, or was altered")
	ErrTooOld  = errors.New("the backup is older than backups are kept: people may be in it of whose erasure nobody knows any more")
	ErrThere   = errors.New("there is a control store already: with --replace it is given up for the one of the backup")
	ErrVersion = errors.New("the backup is of a newer version of this program")
)

// Archive writes files into a tar, and the manifest with their hashes behind them.
func Archive(ctx context.Context, w io.Writer, m Manifest, paths map[string]string) error {
	t := tar.NewWriter(w)
	m.Version = manifestVersion
	for _, name := range sortedKeys(paths) {
		f, err := archiveFile(ctx, t, name, paths[name])
		if err != nil {
			return fmt.Errorf("write %s into the backup: %w", name, err)
		}
		m.Files = append(m.Files, f)
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	if err := t.WriteHeader(&tar.Header{Name: manifestFile, Mode: 0o600, Size: int64(len(raw)), ModTime: m.Made}); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	if _, err := t.Write(raw); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return t.Close()
}

func archiveFile(ctx context.Context, t *tar.Writer, name, path string) (out File, err error) {
	f, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return out, err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return out, err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(t, sum), &interrupted{ctx, f}); err != nil {
		return out, err
	}
	return File{name, info.Size(), hex.EncodeToString(sum.Sum(nil))}, nil
}

// interrupted reads until a context ends.
type interrupted struct {
	ctx context.Context //nolint:containedctx // it lives as long as one copy
	r   io.Reader
}

func (i *interrupted) Read(b []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(b)
}

// Unpack writes a backup into a new folder, and checks it.
func Unpack(ctx context.Context, r io.Reader, dir string) (Manifest, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return Manifest{}, fmt.Errorf("make the folder of the backup: %w", err)
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Manifest{}, fmt.Errorf("read the backup: %w", err)
		}
		at := slices.Index(members, h.Name)
		if at < 0 || h.Typeflag != tar.TypeReg {
			return Manifest{}, fmt.Errorf("%w: it has a member that none has", ErrBackup)
		}
		if err := unpackFile(ctx, t, filepath.Join(dir, members[at])); err != nil {
			return Manifest{}, err
		}
	}
	m, err := Check(dir)
	if err != nil {
		return Manifest{}, err
	}
	return m, syncFolder(dir)
}

func unpackFile(ctx context.Context, r io.Reader, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write a file of the backup: %w", err)
	}
	_, err = io.Copy(f, &interrupted{ctx, r})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a file of the backup: %w", err)
	}
	return nil
}

// Check reads the manifest of a backup and compares all files with it.
func Check(dir string) (m Manifest, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, fmt.Errorf("%w: it has no manifest", ErrBackup)
	}
	if len(raw) > maxManifest || json.Unmarshal(raw, &m) != nil {
		return m, fmt.Errorf("%w: its manifest cannot be read", ErrBackup)
	}
	if m.Version != manifestVersion {
		return m, ErrVersion
	}
	for _, f := range m.Files {
		if f.Name != ControlFile && f.Name != TablesFile {
			return m, fmt.Errorf("%w: its manifest names another file", ErrBackup)
		}
		sum, size, err := hashOf(filepath.Join(dir, f.Name))
		if err != nil {
			return m, err
		}
		if sum != f.SHA256 || size != f.Size {
			return m, fmt.Errorf("%w: %s is not what the manifest says", ErrBackup, f.Name)
		}
	}
	return m, nil
}

func hashOf(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("%w: a file is missing", ErrBackup)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("read a file of the backup: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// Has says whether a backup has a file.
func (m *Manifest) Has(name string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name })
}

// Places are where a restore puts files.
type Places struct {
	Run     string // the folder of what is running
	Control string // the control store's file
	Tables  string // the folder of ClickHouse's backups; "": ClickHouse is elsewhere
}

// Apply puts a backup in place of what is there, on a system that does not run. What is
// left to do, the next start does: bring ClickHouse's tables in, and carry out again
// what was erased since, before anything is served.
func Apply(ctx context.Context, in string, to Places, replace bool, now time.Time) (m Manifest, err error) {
	if m, err = Check(in); err != nil {
		return m, err
	}
	if now.After(m.Restorable) {
		return m, ErrTooOld
	}
	if m.Has(TablesFile) && to.Tables == "" {
		return m, errors.New("the backup holds tables of an embedded engine, and this system has a ClickHouse of its own")
	}
	if _, err := os.Lstat(to.Control); err == nil && m.Has(ControlFile) && !replace {
		return m, ErrThere
	}
	p := Pending{Made: m.Made}
	if m.Has(TablesFile) {
		p.Tables = "restore_" + m.Made.UTC().Format("20060102_150405") + ".tar"
	}
	for _, dir := range []string{to.Run, filepath.Dir(to.Control), to.Tables} {
		if dir != "" {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return m, fmt.Errorf("make a folder: %w", err)
			}
		}
	}
	if p.Tables != "" {
		if err := copyFile(ctx, filepath.Join(in, TablesFile), filepath.Join(to.Tables, p.Tables)); err != nil {
			return m, err
		}
	}
	// From here on the next start is one after a restore, whatever happens.
	if err := p.Write(to.Run); err != nil {
		return m, err
	}
	if m.Has(ControlFile) {
		for _, old := range []string{to.Control + "-wal", to.Control + "-shm"} {
			if err := os.RemoveAll(old); err != nil {
				return m, fmt.Errorf("remove what belonged to the old control store: %w", err)
			}
		}
		if err := copyFile(ctx, filepath.Join(in, ControlFile), to.Control); err != nil {
			return m, err
		}
	}
	return m, nil
}

// copyFile copies whole or not at all.
func copyFile(ctx context.Context, from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("read a file of the backup: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	part := to + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	if err := unpackFile(ctx, f, part); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return fmt.Errorf("put a file in its place: %w", err)
	}
	return syncFolder(filepath.Dir(to))
}
