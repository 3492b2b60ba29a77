package cli

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/checkpoint"
)

// maxAnchors bounds the checkpoints that are kept in memory.
const maxAnchors = 1 << 20

func readAnchors(path string, to []checkpoint.Checkpoint, keys []note.Verifier) ([]checkpoint.Checkpoint, error) {
	file, err := os.Open(path)
	if err != nil {
		return to, fmt.Errorf("open the checkpoints: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	err = checkpoint.Scan(anchorText(file), func(msg []byte) error {
		c, err := checkpoint.Read(msg)
		if err == nil && len(keys) > 0 {
			c, err = checkpoint.Open(msg, keys)
		}
		if err != nil {
			return fmt.Errorf("the checkpoint over number %d of writer %s in a file given by --anchor %w", c.Number, c.Writer, err)
		}
		if len(to) >= maxAnchors {
			return errors.New("too many checkpoints are given by --anchor")
		}
		to = append(to, c)
		return nil
	})
	return to, err
}

// maxMailHeader is how far the header of a mail is looked for.
const maxMailHeader = 64 << 10

// anchorText reads a file with checkpoints. One that is a mail, as mail programs
// save it, is read by its transfer encoding: the mark before a signature is not
// ASCII, so that servers and programs encode it.
func anchorText(file io.Reader) io.Reader {
	in := bufio.NewReaderSize(file, maxMailHeader)
	head, _ := in.Peek(maxMailHeader) // reading on meets the error again
	found, err := mail.ReadMessage(bytes.NewReader(head))
	if err != nil {
		return in
	}
	var decode func(io.Reader) io.Reader
	switch strings.ToLower(strings.TrimSpace(found.Header.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		decode = func(r io.Reader) io.Reader { return quotedprintable.NewReader(r) }
	case "base64":
		decode = func(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }
	default:
		return in
	}
	whole, err := mail.ReadMessage(in)
	if err != nil {
		return in
	}
	return decode(whole.Body)
}
