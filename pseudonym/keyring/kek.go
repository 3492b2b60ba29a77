package keyring

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrNoKEK is returned when keysets exist and the key that opens them does not.
var ErrNoKEK = errors.New("the key-encryption key is missing while keysets exist; restore it from its backup (nothing was made anew)")

// errKEKForm is returned for a key file that is not one of ours.
var errKEKForm = errors.New("not a key-encryption key (expected one line: zgoda-kek-1 and 64 hexadecimal digits)")

const (
	kekPrefix = "zgoda-kek-1 "
	kekSize   = 32
)

// openKEK reads the key-encryption key. It makes one only if mayMake.
func openKEK(dir string, mayMake bool) (tink.AEAD, error) {
	if err := MakePrivateDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "kek.key")
	content, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !mayMake {
			return nil, fmt.Errorf("%s: %w", path, ErrNoKEK)
		}
		content, err = makeKEK(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	key, err := parseKEK(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	kek, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	return kek, nil
}

func makeKEK(path string) ([]byte, error) {
	key := make([]byte, kekSize)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	content := append([]byte(kekPrefix), hex.EncodeToString(key)...)
	content = append(content, '\n')
	if err := writeDurable(path, content); err != nil {
		return nil, err
	}
	return content, syncDir(filepath.Dir(filepath.Dir(path)))
}

func parseKEK(content []byte) ([]byte, error) {
	digits, ok := strings.CutPrefix(strings.TrimSuffix(string(content), "\n"), kekPrefix)
	if !ok {
		return nil, errKEKForm
	}
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != kekSize {
		return nil, errKEKForm // not err, which quotes what it could not read
	}
	return key, nil
}

// exists says whether there is anything at path; any doubt is an error.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
