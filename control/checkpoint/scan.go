package checkpoint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// signature is how a line with a signature begins.
const signature = "— "

// lines is how many lines a checkpoint's text has.
const lines = 5

// ErrLine is returned for a text with a line that is too long.
var ErrLine = errors.New("a line is too long for a text with checkpoints")

// Scan hands over the signed notes in a text, in order: a file that checkpoints
// are appended to, or a mail with one. What stands between them, a note that was
// cut off included, is passed over. Lines may end in CRLF.
func Scan(r io.Reader, do func(msg []byte) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 4096), MaxSize)
	var s scanner
	for in.Scan() {
		if msg := s.line(bytes.TrimSuffix(in.Bytes(), []byte("\r"))); msg != nil {
			if err := do(msg); err != nil {
				return err
			}
		}
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return ErrLine
	} else if err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	if msg := s.end(); msg != nil {
		return do(msg)
	}
	return nil
}

// scanner keeps the last lines of a text.
type scanner struct {
	last [lines + 1][]byte // the lines before this one, the latest at the end
	note []byte            // the note that is being read, from its first signature on
}

// line takes the next line and returns the note that it ends, if it does.
func (s *scanner) line(line []byte) []byte {
	signed := bytes.HasPrefix(line, []byte(signature))
	if signed && s.note != nil {
		if len(s.note)+len(line) < MaxSize {
			s.note = append(append(s.note, line...), '\n')
		}
		return nil
	}
	done := s.end()
	if signed && len(s.last[lines]) == 0 {
		for _, l := range s.last {
			s.note = append(append(s.note, l...), '\n')
		}
		s.note = append(append(s.note, line...), '\n')
	}
	first := s.last[0]
	copy(s.last[:], s.last[1:])
	s.last[lines] = append(first[:0], line...)
	return done
}

// end returns the note that was being read, if it is a checkpoint.
func (s *scanner) end() []byte {
	done := s.note
	s.note = nil
	if done == nil {
		return nil
	}
	if _, err := Read(done); err != nil {
		return nil
	}
	return done
}
