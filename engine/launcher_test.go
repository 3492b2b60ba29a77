package engine_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/activity"
	"zgoda/engine"
	"zgoda/engine/enginetest"
)

func store(t *testing.T, address, user, password string) *activity.Store {
	t.Helper()
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = address, user, password
	c.DialTimeout = 2 * time.Second
	s, err := activity.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func prepared(t *testing.T, c engine.Config) *engine.Engine {
	t.Helper()
	if c.Dir == "" {
		c.Dir = filepath.Join(t.TempDir(), "clickhouse")
	}
	c.RunDir, c.Launcher = t.TempDir(), enginetest.Launcher(t)
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Prepare(); err != nil {
		t.Fatal(err)
	}
	return e
}

// launch runs the launcher to its end and returns its exit code and words.
func launch(t *testing.T, e *engine.Engine, change func(*exec.Cmd)) (code int, words string) {
	t.Helper()
	cmd, err := e.Command()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.ExtraFiles[0].Close() }()
	var said bytes.Buffer
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = in.Close(), out.Close() }()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &said, &said
	change(cmd)
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), said.String()
}

func wantWords(t *testing.T, code int, words string, parts ...string) {
	t.Helper()
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	if strings.Count(words, "\n") != 1 {
		t.Errorf("not one line: %q", words)
	}
	for _, part := range parts {
		if !strings.Contains(words, part) {
			t.Errorf("%q is not in %q", part, words)
		}
	}
}

func TestWords(t *testing.T) {
	t.Run("library missing", func(t *testing.T) {
		e := prepared(t, engine.Config{})
		code, words := launch(t, e, func(c *exec.Cmd) {
			for i, arg := range c.Args {
				if arg == "--library" {
					c.Args[i+1] = filepath.Join(t.TempDir(), "libchdb.so")
				}
			}
		})
		wantWords(t, code, words, "library is missing", "make engine", "ZGODA_ENGINE")
		t.Setenv(engine.LibraryVariable, t.TempDir())
		e, err := engine.New(engine.Config{Dir: t.TempDir(), RunDir: t.TempDir(), Launcher: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Prepare(); !errors.Is(err, engine.ErrLibrary) {
			t.Fatal(err)
		}
	})
	t.Run("port taken", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		port := l.Addr().(*net.TCPAddr).Port
		code, words := launch(t, prepared(t, engine.Config{Port: port}), func(*exec.Cmd) {})
		wantWords(t, code, words, strconv.Itoa(port), "taken", "another port")
	})
	t.Run("disk full", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
			t.Logf("no tmpfs here (%v): engine/launch tests the same words with an injected disk", err)
			return
		}
		defer func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		}()
		code, words := launch(t, prepared(t, engine.Config{Dir: dir}), func(*exec.Cmd) {})
		wantWords(t, code, words, "disk", "full", "make room")
	})
	t.Run("not a library", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "libchdb.so")
		if err := os.WriteFile(file, []byte("no ELF"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, words := launch(t, prepared(t, engine.Config{Library: file}), func(*exec.Cmd) {})
		wantWords(t, code, words, "load the engine's library")
	})
}

func TestLockedFolder(t *testing.T) {
	room := enginetest.StartRoom(t)
	code, words := launch(t, prepared(t, engine.Config{Dir: room.Dir}), func(c *exec.Cmd) {
		c.Args = append(c.Args, "--lock-wait", "300ms")
	})
	wantWords(t, code, words, "locked by another instance", strconv.Itoa(room.PID()))
	if err := store(t, room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal()).Ping(t.Context()); err != nil {
		t.Error("the first instance was harmed:", err)
	}
}

// TestStrangers: without a password no file, no row and no switch is reached.
func TestStrangers(t *testing.T) {
	room := enginetest.StartRoom(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("planted-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := store(t, room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal())
	if err := admin.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT file('" + secret + "')", "SELECT * FROM file('" + secret + "', 'LineAsString')",
		"SELECT CAST(file('" + secret + "') AS Int32) FROM system.processes", "KILL QUERY WHERE CAST(file('" + secret + "') AS Int32) = 1",
		"SELECT count() FROM zgoda.events", "CREATE DATABASE x", "SYSTEM STOP LISTEN TCP",
	} {
		pid := room.PID()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		out, err := bare(ctx, room.Access.Address, "default", "", sql)
		cancel()
		if err == nil || strings.Contains(out, "planted") || strings.Contains(err.Error(), "planted") {
			t.Errorf("a stranger may: %s", sql)
		}
		room.Restarted(t, pid, 5*time.Second) // a login as default is a failed login
	}
	// Whoever has a password still reaches no file of the machine.
	for _, who := range []engine.Credential{room.Access.Admin, room.Access.Writer, room.Access.Analyst} {
		out, err := bare(t.Context(), room.Access.Address, who.User, who.Password.Reveal(), "SELECT file('"+secret+"')")
		if err == nil || strings.Contains(out+err.Error(), "planted") {
			t.Errorf("%s reads a file: %v", who.User, err)
		}
	}
	if out, err := bare(t.Context(), room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal(), "SELECT * FROM url('http://"+room.Access.Address+"/', 'LineAsString') SETTINGS http_max_tries = 1"); err == nil {
		t.Error("the engine connects outwards:", out)
	}
}

// TestWeakness: a wrong password and a malformed greeting cost a restart within
// two seconds, and no row.
func TestWeakness(t *testing.T) {
	room := enginetest.StartRoom(t)
	admin := store(t, room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal())
	if err := admin.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, attack := range map[string]func(){
		"wrong password": func() {
			_, _ = bare(t.Context(), room.Access.Address, "zgoda", "guessed", "SELECT 1")
		},
		"malformed greeting": func() {
			c, err := net.Dial("tcp", room.Access.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_, _ = c.Write([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3})
			_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
			_, _ = c.Read(make([]byte, 64))
		},
		"opened and closed": func() {
			if !engine.Listens(t.Context(), room.Access.Address) {
				t.Error("not listening")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			attack()
			late := time.After(2*time.Second + 500*time.Millisecond)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				var b bytes.Buffer
				err := admin.Query(t.Context(), "SELECT count() > 0 FROM migrations", &b, activity.TSV)
				if err == nil && b.String() == "1\n" {
					t.Logf("answers again after %s", time.Since(started).Round(time.Millisecond))
					return
				}
				select {
				case <-tick.C:
				case <-late:
					t.Fatalf("not back: %v %q", err, b.String())
				}
			}
		})
	}
}

// TestEndsWithItsParent: the end of its input, SIGTERM and kill -9 of the parent.
func TestEndsWithItsParent(t *testing.T) {
	for name, end := range map[string]func(input *os.File, p *os.Process){
		"input ends": func(input *os.File, _ *os.Process) { _ = input.Close() },
		"SIGTERM":    func(_ *os.File, p *os.Process) { _ = p.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			e := prepared(t, engine.Config{})
			cmd, err := e.Command()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.ExtraFiles[0].Close() }()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = r.Close(), w.Close() }()
			cmd.Stdin = r
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := e.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(12*time.Second, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			started := time.Now()
			end(w, cmd.Process)
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
			t.Logf("ended after %s", time.Since(started).Round(time.Millisecond))
		})
	}
}
