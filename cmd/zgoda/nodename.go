package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"zgoda/config"
	"zgoda/control"
	"zgoda/control/ledger"
)

// controlConfig says where the control store is, and this node's name in it.
func controlConfig(c *config.Config, folder string) (control.Config, error) {
	cfg := control.DefaultConfig(filepath.Join(folder, "control.db"))
	var err error
	if cfg.Address, err = c.ControlAddress(); err != nil {
		return control.Config{}, err
	}
	if cfg.Node = ledger.Writer(c.Node); cfg.Node == "" {
		cfg.Node, err = nodeName(filepath.Join(folder, "node"))
	}
	return cfg, err
}

// nodeName reads the name that the data folder keeps, or makes one. It must last:
// it names a chain of the ledger that nobody else may write.
func nodeName(path string) (ledger.Writer, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var b [6]byte
		_, _ = rand.Read(b[:]) // never fails
		text = []byte("node-" + hex.EncodeToString(b[:]) + "\n")
		err = writeOnce(path, text)
	}
	if err != nil {
		return "", fmt.Errorf("keep the node's name: %w", err)
	}
	name := ledger.Writer(strings.TrimSpace(string(text)))
	if !name.Valid() {
		return "", fmt.Errorf("%s: must hold a name of 1 to 32 of a-z, 0-9 and -", path)
	}
	return name, nil
}

// writeOnce writes a file whole or not at all.
func writeOnce(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "node-*.tmp") // of mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
