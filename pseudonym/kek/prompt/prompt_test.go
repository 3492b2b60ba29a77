package prompt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"zgoda/pseudonym/kek/kektest"
	"zgoda/pseudonym/kek/prompt"
)

// asker tells this test binary to ask at its terminal, and how.
const asker = "ZGODA_TEST_ASKER"

func TestMain(m *testing.M) {
	how := os.Getenv(asker)
	if how == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ask, err := prompt.Terminal()
	var text []byte
	if err == nil {
		text, err = ask(ctx, how == "first")
	}
	fmt.Printf("%q %v\n", text, err)
}

// ask runs the asker at a terminal, where answers are typed one for each
// question, and returns what it got and what the terminal showed.
func ask(t *testing.T, how string, answers ...string) (got, shown string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asker+"="+how)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	tty := kektest.NewTTY(t)
	started := make(chan struct{})
	tty.Attach(t, cmd, func() { <-started; _ = cmd.Process.Signal(os.Interrupt) }, answers...)
	err = cmd.Start()
	close(started)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if tty.Silent() {
		t.Error("the terminal was left silent")
	}
	return strings.TrimSpace(out.String()), tty.Shown()
}

func TestTerminal(t *testing.T) {
	tests := map[string]struct {
		how     string
		answers []string
		got     string
		asked   int
	}{
		"known":         {"known", []string{"a secret phrase"}, `"a secret phrase" <nil>`, 1},
		"nothing":       {"known", []string{""}, `"" ` + prompt.ErrNone.Error(), 1},
		"chosen":        {"first", []string{"a secret phrase", "a secret phrase"}, `"a secret phrase" <nil>`, 2},
		"mistyped":      {"first", []string{"a secret phrase", "a secret phrasf", "secret b", "secret b"}, `"secret b" <nil>`, 4},
		"never alike":   {"first", []string{"secret 1", "2", "secret 3", "4", "secret 5", "6"}, `"" ` + prompt.ErrDiffer.Error(), 6},
		"interrupted":   {"interrupted", nil, `"" interrupt signal received`, 1},
		"a long answer": {"known", []string{strings.Repeat("secret", 300)}, `"" ` + prompt.ErrTooLong.Error(), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, shown := ask(t, test.how, test.answers...)
			if got != test.got {
				t.Errorf("got %s", got)
			}
			if n := strings.Count(shown, ": "); n != test.asked || strings.Contains(shown, "secret") {
				t.Errorf("asked %d times, showed %q", n, shown)
			}
		})
	}
}

func TestNoTerminal(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asker+"=known")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) != `"" `+prompt.ErrNoTerminal.Error() {
		t.Errorf("%s, %v", out, err)
	}
}

func TestDescriptor(t *testing.T) {
	tests := map[string]struct {
		content string
		want    string
		err     error
	}{
		"a line":      {"a phrase\n", "a phrase", nil},
		"no line end": {"a phrase", "a phrase", nil},
		"two lines":   {"a phrase\r\nand more\n", "a phrase", nil},
		"spaces":      {" a \n", " a ", nil},
		"nothing":     {"", "", prompt.ErrNone},
		"empty line":  {"\nphrase\n", "", prompt.ErrNone},
		"longest":     {strings.Repeat("a", 1024) + "\n", strings.Repeat("a", 1024), nil},
		"too long":    {strings.Repeat("a", 1025) + "\n", "", prompt.ErrTooLong},
		"endless":     {strings.Repeat("a", 9000), "", prompt.ErrTooLong},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.WriteString(test.content); err != nil {
				t.Fatal(err)
			}
			_ = w.Close()
			fd, err := unix.Dup(int(r.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			got, err := prompt.Descriptor(fd)(t.Context(), false)
			if !errors.Is(err, test.err) || string(got) != test.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if _, err := prompt.Descriptor(987)(t.Context(), false); err == nil {
		t.Error("read a descriptor that is not open")
	}
}

func TestDescriptorOfOpenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phrase")
	if err := os.WriteFile(path, []byte("a phrase\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]error{0o644: prompt.ErrOpen, 0o600: nil} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := prompt.Descriptor(fd)(t.Context(), false); !errors.Is(err, want) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}
