package kektest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// SoftHSM is a PKCS#11 token in software, with its objects in a folder.
type SoftHSM struct {
	Conf   string // file that SOFTHSM2_CONF names
	Module string // path of the library
	PIN    string // file of the PIN, of mode 0600
}

// The PIN and the label of the token.
const (
	SoftPIN   = "5791-canary-pin"
	SoftLabel = "zgoda"
)

// ErrNoSoftHSM is returned where SoftHSM is not installed.
var ErrNoSoftHSM = errors.New("softhsm2-util and libsofthsm2.so are needed: make debian")

// NewSoftHSM makes a token in a folder.
func NewSoftHSM(dir string) (SoftHSM, error) {
	s := SoftHSM{Conf: filepath.Join(dir, "softhsm2.conf"), PIN: filepath.Join(dir, "pin")}
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			s.Module = path
		}
	}
	tool, err := exec.LookPath("softhsm2-util")
	if err != nil || s.Module == "" {
		return SoftHSM{}, ErrNoSoftHSM
	}
	tokens := filepath.Join(dir, "tokens")
	if err := errors.Join(
		os.MkdirAll(tokens, 0o700),
		os.WriteFile(s.Conf, fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens), 0o600),
		os.WriteFile(s.PIN, []byte(SoftPIN+"\n"), 0o600),
	); err != nil {
		return SoftHSM{}, err
	}
	cmd := exec.Command(tool, "--init-token", "--free", "--label", SoftLabel, "--so-pin", "12345678", "--pin", SoftPIN)
	cmd.Env = append(os.Environ(), s.Environ())
	if out, err := cmd.CombinedOutput(); err != nil {
		return SoftHSM{}, fmt.Errorf("make a token: %w: %s", err, out)
	}
	return s, nil
}

// Environ is the variable that a process with the library in it needs. The
// library reads it from C's environment, so it must be there at the start.
func (s SoftHSM) Environ() string { return "SOFTHSM2_CONF=" + s.Conf }

// URI names a key of the token.
func (s SoftHSM) URI(object string) string {
	return "pkcs11:token=" + SoftLabel + ";object=" + object + "?module-path=" + s.Module
}

// Tool runs pkcs11-tool, a stranger's client, on the token.
func (s SoftHSM) Tool(arguments ...string) (string, error) {
	tool, err := exec.LookPath("pkcs11-tool")
	if err != nil {
		return "", fmt.Errorf("pkcs11-tool is needed: make debian: %w", err)
	}
	cmd := exec.Command(tool, append([]string{"--module", s.Module, "--token-label", SoftLabel, "--login", "--pin", SoftPIN}, arguments...)...)
	cmd.Env = append(os.Environ(), s.Environ())
	out, err := cmd.CombinedOutput()
	return string(out), err
}
