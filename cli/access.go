package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
)

const redacted = "[redacted]"

// Access is how the commands on this machine reach the running console. It
// holds a token, so it prints as [redacted].
type Access struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
	Ops   string `json:"ops,omitempty"` // where its metrics are, as http://HOST:PORT
}

// String returns "[redacted]".
func (Access) String() string { return redacted }

// GoString returns "[redacted]".
func (Access) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Access) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Access) LogValue() slog.Value { return slog.StringValue(redacted) }

// ErrNotRunning means that nothing runs in the data folder.
var ErrNotRunning = errors.New("not running")

// accessFile is where the running system leaves its access.
func accessFile(data string) string { return filepath.Join(data, "run", "console.json") }

// WriteAccess writes DATA/run/console.json, readable by its owner only. The
// file appears whole or not at all.
func WriteAccess(data string, a Access) error {
	content, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write the console's access: %w", err)
	}
	path := accessFile(data)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make the run folder: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "console-*.tmp") // of mode 0600
	if err != nil {
		return fmt.Errorf("write the console's access: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the console's access: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// RemoveAccess removes DATA/run/console.json; one that is not there is fine.
func RemoveAccess(data string) error {
	if err := os.Remove(accessFile(data)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the console's access: %w", err)
	}
	return nil
}

// ReadAccess reads DATA/run/console.json. It refuses a file that others may
// read or write, and wraps ErrNotRunning when there is none.
func ReadAccess(data string) (Access, error) {
	path := accessFile(data)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Access{}, fmt.Errorf("read %s: %w", path, ErrNotRunning)
	}
	if err != nil {
		return Access{}, fmt.Errorf("read the console's access: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return Access{}, fmt.Errorf("read the console's access: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 || !info.Mode().IsRegular() {
		return Access{}, fmt.Errorf("%s holds a token and must be a file of mode 0600, not %04o", path, info.Mode().Perm())
	}
	var a Access
	if err := json.NewDecoder(f).Decode(&a); err != nil {
		return Access{}, fmt.Errorf("%s cannot be read as the console's access", path)
	}
	u, err := url.Parse(a.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" || a.Token == "" {
		return Access{}, fmt.Errorf("%s lacks the console's url or token", path)
	}
	return a, nil
}
