package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// lineReader reads lines that end in a line feed.
type lineReader struct {
	in   *bufio.Reader
	long []byte // a line that is longer than the buffer of in
}

// The longest line is a header with all writers, or an entry with every text as
// long as it may be and every letter of it escaped.
const (
	usualLine = 32 << 10
	maxLine   = 1 << 20
)

func newLineReader(r io.Reader) lineReader {
	return lineReader{in: bufio.NewReaderSize(r, usualLine)}
}

// errCut says that the text ended within a line.
var errCut = errors.New("the export is cut off")

// next returns the next line without its line feed, valid until the next call,
// io.EOF after the last.
func (r *lineReader) next() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = r.long[:0]
		for ; errors.Is(err, bufio.ErrBufferFull) && len(r.long) < maxLine; line, err = r.in.ReadSlice('\n') {
			r.long = append(r.long, line...)
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	switch {
	case len(line) > maxLine:
		return nil, errLine
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, errCut
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	default:
		return nil, fmt.Errorf("read the export: %w", err)
	}
}
