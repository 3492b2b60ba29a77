package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/child"
	"zgoda/event"
	"zgoda/pseudonym/kek/kektest"
)

const phrase = "a canary passphrase of some length"

// keyholderAt prepares a keyholder whose keys are under a passphrase.
func keyholderAt(t *testing.T, dir, socket string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := child.Command(t, append([]string{"--data", dir, "--socket", socket, "--kek", "passphrase:"}, args...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	return cmd, &said
}

// given gives a passphrase by descriptor 3.
func given(t *testing.T, cmd *exec.Cmd, text string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	cmd.ExtraFiles = []*os.File{r}
	cmd.Args = append(cmd.Args, "--passphrase-fd", "3")
}

// resolved starts a keyholder, has it tell a contact's pseudonyms and ends it.
func resolved(t *testing.T, cmd *exec.Cmd, said *bytes.Buffer, socket string) event.Handles {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	client := dial(t, socket)
	var handles []event.Handles
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); handles == nil && time.Now().Before(end); <-tick.C {
		handles, _ = client.Resolve(t.Context(), queries(0, 1, true))
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil || handles == nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	return handles[0]
}

// Chosen at the terminal, given by descriptor, asked for again: one passphrase,
// one set of keys. Nothing but the right one opens them.
func TestPassphrase(t *testing.T) {
	dir, socket := folders(t)
	tty := kektest.NewTTY(t)
	cmd, said := keyholderAt(t, dir, socket)
	tty.Attach(t, cmd, nil, phrase, phrase)
	chosen := resolved(t, cmd, said, socket)
	if shown := tty.Shown(); strings.Count(shown, ": ") != 2 || strings.Contains(shown, "canary") {
		t.Errorf("the terminal shows %q", shown)
	}
	cmd, said = keyholderAt(t, dir, socket)
	given(t, cmd, phrase+"\n")
	if resolved(t, cmd, said, socket) != chosen {
		t.Error("by descriptor: other keys")
	}
	cmd, said = keyholderAt(t, dir, socket)
	tty = kektest.NewTTY(t)
	tty.Attach(t, cmd, nil, phrase)
	if resolved(t, cmd, said, socket) != chosen {
		t.Error("at the terminal: other keys")
	}
	for name, prepare := range map[string]func(cmd *exec.Cmd){
		"the passphrase is wrong": func(cmd *exec.Cmd) { given(t, cmd, "canary battery staple") },
		"no passphrase was given": func(cmd *exec.Cmd) { given(t, cmd, "") },
		"nobody to ask":           func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--parent-stdin"); cmd.Stdin = slow(t) },
		"takes 3 or more":         func(cmd *exec.Cmd) { cmd.Args = append(cmd.Args, "--passphrase-fd", "1") },
	} {
		cmd, said := keyholderAt(t, dir, socket)
		prepare(cmd)
		if err := cmd.Run(); err == nil || !strings.Contains(said.String(), name) || strings.Contains(said.String(), "canary") {
			t.Errorf("%s: %v, %s", name, err, said.String())
		}
	}
	checkDisk(t, dir, [][]byte{[]byte(phrase)})
}

// slow is a standard input that does not end.
func slow(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r
}

// Interrupted while it asks, it gives the terminal back as it was, and has made
// no key.
func TestInterruptedWhileAsking(t *testing.T) {
	dir, socket := folders(t)
	tty := kektest.NewTTY(t)
	cmd, said := keyholderAt(t, dir, socket)
	started := make(chan struct{})
	tty.Attach(t, cmd, func() { <-started; _ = cmd.Process.Signal(os.Interrupt) })
	err := cmd.Start()
	close(started)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		t.Errorf("%v: %s", err, said.String())
	}
	if tty.Silent() {
		t.Error("the terminal is silent")
	}
	for _, path := range []string{filepath.Join(dir, "keys"), filepath.Join(dir, "kek", "passphrase.conf")} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
