package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Pending says what a restore has left for the next start.
type Pending struct {
	Made   time.Time `json:"made"`             // when the backup was
	Tables string    `json:"tables,omitempty"` // the name of ClickHouse's backup that is to be brought in; "": none is
}

const pendingName = "restore.pending"

// ReadPending returns what a restore has left; nil: nothing.
func ReadPending(dir string) (*Pending, error) {
	raw, err := os.ReadFile(filepath.Join(dir, pendingName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what a restore has left: %w", err)
	}
	p := &Pending{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("read what a restore has left in %s: %w", pendingName, err)
	}
	return p, nil
}

// Write keeps it, whole or not at all.
func (p *Pending) Write(dir string) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write down what a restore has left: %w", err)
	}
	path := filepath.Join(dir, pendingName)
	if err := writeSynced(path+".part", raw); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("write down what a restore has left: %w", err)
	}
	return syncFolder(dir)
}

// EndPending notes that nothing is left to do.
func EndPending(dir string) error {
	if err := os.Remove(filepath.Join(dir, pendingName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("note that a restore is over: %w", err)
	}
	return syncFolder(dir)
}
