package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

var errAnswer = errors.New("the answer is not HTTP/1.1 with a Content-Length")

var (
	headersEnd    = []byte("\r\n\r\n")
	contentLength = []byte("\r\ncontent-length:")
	closeHeader   = []byte("\r\nconnection: close")
)

// answer is what the beginning of an answer says.
type answer struct {
	status int
	length int // of the whole answer in bytes, headers included
	close  bool
}

// parseAnswer reads the headers in buf. ok is false while they are not all
// there.
func parseAnswer(buf []byte) (a answer, ok bool, err error) {
	end := bytes.Index(buf, headersEnd)
	if end < 0 {
		return answer{}, false, nil
	}
	head := buf[:end+2]
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return answer{}, false, errAnswer
	}
	a.status, err = strconv.Atoi(string(head[9:12]))
	if err != nil {
		return answer{}, false, errAnswer
	}
	a.length = end + len(headersEnd)
	a.close = header(head, closeHeader) >= 0
	if at := header(head, contentLength); at >= 0 {
		n, err := number(head[at:])
		if err != nil {
			return answer{}, false, err
		}
		a.length += n
	} else if a.status != 204 && a.status != 304 {
		return answer{}, false, errAnswer
	}
	return a, true, nil
}

// header returns where the value begins after name, which is in lower case and
// begins with the end of the line before; -1 when it is not there.
func header(head, name []byte) int {
	for from := 0; ; {
		line := bytes.IndexByte(head[from:], '\r')
		if line < 0 {
			return -1
		}
		from += line
		if len(head)-from >= len(name) && bytes.EqualFold(head[from:from+len(name)], name) {
			return from + len(name)
		}
		from++
	}
}

func number(value []byte) (int, error) {
	line, _, _ := bytes.Cut(value, []byte("\r"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(line)))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("read the answer's length: %w", errAnswer)
	}
	return n, nil
}
