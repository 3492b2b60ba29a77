package activity

import (
	"bytes"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"

	"zgoda/event"
)

// forms are how a pseudonym may stand in a file.
func forms(h event.Handle) []string {
	text := hex.EncodeToString(h[:])
	return []string{string(h[:]), text, strings.ToUpper(text)}
}

// scan returns the files below a folder that have a pseudonym, as it is, as text, or
// in a block that is compressed.
func scan(t *testing.T, dir string, h event.Handle) (found []string) {
	t.Helper()
	packed := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			if errors := os.IsNotExist(err); errors {
				return nil // taken away meanwhile
			}
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		if unpacked := unpack(content); len(unpacked) > 0 {
			packed++
			content = append(content, unpacked...)
		}
		for _, form := range forms(h) {
			if bytes.Contains(content, []byte(form)) {
				found = append(found, path)
				return nil
			}
		}
		return nil
	})
	if err != nil || packed == 0 {
		t.Fatal(packed, err)
	}
	return found
}

// unpack returns what the compressed blocks hold that a file begins with. Small
// parts have the blocks of several columns in one file, all of them in a row.
func unpack(content []byte) []byte {
	out, _ := io.ReadAll(compress.NewReader(bytes.NewReader(content)))
	return out
}
