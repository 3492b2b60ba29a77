package prompt

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Errors of asking.
var (
	ErrTooLong    = errors.New("the passphrase is longer than 1,024 bytes")
	ErrNone       = errors.New("no passphrase was given")
	ErrDiffer     = errors.New("the two passphrases differ")
	ErrOpen       = errors.New("the descriptor is of a file that other users can read: run chmod 0600 on it, and take the passphrase for known")
	ErrNoTerminal = errors.New("there is no terminal to ask at")
)

const maxLine = 1 << 10

// Ask asks for a passphrase; first says that it is chosen now.
type Ask func(ctx context.Context, first bool) ([]byte, error)

// Descriptor returns an Ask that reads one line from a descriptor, and closes
// it. It can be asked once.
func Descriptor(fd int) Ask {
	return func(context.Context, bool) ([]byte, error) {
		f := os.NewFile(uintptr(fd), "passphrase")
		if f == nil {
			return nil, unix.EBADF
		}
		defer f.Close() //nolint:errcheck // it was only read
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			return nil, ErrOpen
		}
		content, err := io.ReadAll(io.LimitReader(f, maxLine+2))
		if err != nil {
			return nil, err
		}
		return line(content)
	}
}

// line takes the end of a line off, and what comes after it.
func line(content []byte) ([]byte, error) {
	if at := bytes.IndexByte(content, '\n'); at >= 0 {
		clear(content[at:])
		content = content[:at]
	}
	content = bytes.TrimSuffix(content, []byte("\r"))
	switch {
	case len(content) > maxLine:
		return nil, ErrTooLong
	case len(content) == 0:
		return nil, ErrNone
	default:
		return content, nil
	}
}

// Terminal returns an Ask at the terminal of this process, or ErrNoTerminal.
func Terminal() (Ask, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, ErrNoTerminal
	}
	if err := tty.Close(); err != nil {
		return nil, err
	}
	return atTerminal, nil
}

// tries is how often a new passphrase is asked for when the two differ.
const tries = 3

func atTerminal(ctx context.Context, first bool) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, ErrNoTerminal
	}
	defer tty.Close() //nolint:errcheck // it was only asked at
	if !first {
		return one(ctx, tty, "Passphrase of the key-encryption key: ")
	}
	for range tries {
		chosen, err := one(ctx, tty, "New passphrase of the key-encryption key: ")
		if err != nil {
			return nil, err
		}
		again, err := one(ctx, tty, "The same once more: ")
		if err != nil {
			return nil, err
		}
		same := subtle.ConstantTimeCompare(chosen, again) == 1
		clear(again)
		if same {
			return chosen, nil
		}
		clear(chosen)
		if _, err := fmt.Fprintln(tty, "They differ."); err != nil {
			return nil, err
		}
	}
	return nil, ErrDiffer
}

// one asks once. When the context ends first, the terminal is given back as it
// was; the read that waits in it ends with the process.
func one(ctx context.Context, tty *os.File, question string) ([]byte, error) {
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, ErrNoTerminal
	}
	if _, err := io.WriteString(tty, question); err != nil {
		return nil, err
	}
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		_, _ = io.WriteString(tty, "\n")
		if a.err != nil {
			return nil, a.err
		}
		return line(a.text)
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}
