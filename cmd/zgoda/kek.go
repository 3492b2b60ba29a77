package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"zgoda/config"
	"zgoda/pseudonym/harden"
	"zgoda/pseudonym/kek/prompt"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/secret"
	"zgoda/supervise"
)

// firstExtra is the first descriptor after the standard ones.
const firstExtra = 3

// kekSettings are what the children are told of the key-encryption key.
type kekSettings struct {
	uri        uri.URI
	config     config.KEK
	socket     string       // of zgoda-kek
	passphrase secret.Bytes // kept while we run, for the keyholder's restarts
}

// askPassphrase asks for the passphrase of the key-encryption key, if it is one:
// on the descriptor that is given, or at the terminal.
func (n *node) askPassphrase(ctx context.Context, fd int) (err error) {
	n.kek.config, n.kek.socket = n.config.KEKFiles(), filepath.Join(n.places.run, "kek.sock")
	if n.kek.uri, err = uri.Parse(n.kek.config.URI); err != nil {
		return fmt.Errorf("kek.uri: %w", err)
	}
	if n.kek.uri.Scheme != uri.Passphrase {
		if fd != 0 {
			return errors.New("--passphrase-fd is given, and kek.uri names no passphrase")
		}
		return nil
	}
	if fd != 0 && fd < firstExtra {
		return errors.New("--passphrase-fd takes 3 or more: 0 to 2 are the standard ones")
	}
	ask := prompt.Descriptor(fd)
	if fd == 0 {
		if ask, err = prompt.Terminal(); err != nil {
			return fmt.Errorf("the key-encryption key is a passphrase: %w; give it by --passphrase-fd", err)
		}
	}
	_, missing := os.Stat(filepath.Join(n.places.keyholder, "kek", n.kek.uri.LocalFile()))
	text, err := ask(ctx, missing != nil)
	if err != nil {
		return fmt.Errorf("ask for the passphrase: %w", err)
	}
	n.kek.passphrase = secret.New(text)
	return nil
}

// arguments are what the keyholder is started with, and the descriptors that it
// gets beside its standard ones. The passphrase goes through a pipe.
func (k kekSettings) arguments() (args []string, extra []*os.File, err error) {
	if k.config.URI != "" {
		args = append(args, "--kek", k.uri.String())
	}
	args = append(args, "--kek-socket", k.socket) // also for a provider that is changed to later
	if k.passphrase.IsZero() {
		return args, nil, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe for the passphrase: %w", err)
	}
	// It fits into the pipe, so nobody needs to read yet.
	_, err = w.Write(k.passphrase.Reveal())
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("hand on the passphrase: %w", err), r.Close())
	}
	return append(args, "--passphrase-fd", strconv.Itoa(firstExtra)), []*os.File{r}, nil
}

// superviseKEK starts zgoda-kek, if the key-encryption key is reached through
// it. A start that fails is not repeated: a token counts wrong PINs.
func (n *node) superviseKEK(ctx context.Context, running *errgroup.Group) (*supervise.Supervisor, error) {
	if !n.kek.uri.Helped() {
		return nil, nil
	}
	cfg := supervise.DefaultConfig()
	cfg.Attempts = 1
	return n.superviseAs(ctx, running, cfg, supervise.Child{Name: "kek", Command: n.kek.command, Ready: n.kek.ready})
}

func (k kekSettings) command() (*exec.Cmd, error) {
	args := []string{"--socket", k.socket, "--provider", k.uri.String(), "--parent-stdin"}
	for _, f := range []struct{ flag, value string }{
		{"--credentials", k.config.Credentials}, {"--pin-file", k.config.PINFile}, {"--ca", k.config.CA}, {"--endpoint", k.config.Endpoint},
	} {
		if f.value != "" {
			args = append(args, f.flag, f.value)
		}
	}
	if k.config.Make {
		args = append(args, "--make")
	}
	cmd := exec.Command(beside("zgoda-kek"), args...)
	cmd.Env = harden.Quiet(os.Environ())
	return cmd, nil
}

func (k kekSettings) ready(ctx context.Context) error {
	return poll(ctx, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", k.socket)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}
