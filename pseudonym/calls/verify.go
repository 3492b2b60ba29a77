package calls

import (
	"bufio"
	"crypto/hmac"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"zgoda/pseudonym/secret"
)

// Verdict is what a chain that holds has in it.
type Verdict struct {
	First, Last uint64 // numbers of the entries
	Head        Hash   // of the last one
	Seals       uint64
	Sealed      uint64 // number of the last entry that a seal stands behind
	Checked     bool   // the seals were checked, not only counted
}

// Noted is an entry that was noted elsewhere.
type Noted struct {
	Number uint64
	Hash   Hash
}

// Broken says where a chain does not hold.
type Broken struct {
	After uint64 // number of the last entry that does
	Why   string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("the log of calls does not hold after entry %d: %s", b.After, b.Why)
}

// maxLine is more than any entry takes.
const maxLine = 64 << 10

// Verify reads entries and checks that none was altered, left out or moved. The
// first one may be any: older files may have been put away. With the key it
// checks the seals as well. It cannot tell that the newest entries are missing;
// give an entry that was noted elsewhere, which must then be there.
func Verify(r io.Reader, key secret.Bytes, noted ...Noted) (Verdict, error) {
	v := newVerifier(key, noted)
	err := v.read(r)
	return v.end(err)
}

// VerifyDir verifies all files of a folder, as one chain.
func VerifyDir(dir string, key secret.Bytes, noted ...Noted) (verdict Verdict, err error) {
	numbers, err := List(dir)
	if err != nil {
		return Verdict{}, err
	}
	v := newVerifier(key, noted)
	for i, n := range numbers {
		if i > 0 && n != numbers[i-1]+1 {
			return v.verdict, &Broken{v.verdict.Last, "a file is missing"}
		}
		file, err := os.Open(filepath.Join(dir, name(n)))
		if err != nil {
			return v.verdict, fmt.Errorf("open the log of calls: %w", err)
		}
		err = errors.Join(v.read(file), file.Close())
		if err != nil {
			return v.verdict, err
		}
	}
	return v.end(nil)
}

// Verify checks the log itself, seals included.
func (l *Log) Verify() (Verdict, error) {
	l.queueing.Lock()
	key := l.key
	l.queueing.Unlock()
	v := newVerifier(key, nil)
	err := l.Read(0, func(text []byte) error {
		if why := v.take(text, nil); why != "" {
			return &Broken{v.verdict.Last, why}
		}
		return nil
	})
	return v.end(err)
}

type verifier struct {
	key     secret.Bytes
	noted   map[uint64]Hash
	begun   bool
	verdict Verdict
}

func newVerifier(key secret.Bytes, noted []Noted) *verifier {
	v := &verifier{key: key, noted: make(map[uint64]Hash)}
	v.verdict.Checked = !key.IsZero()
	for _, n := range noted {
		v.noted[n.Number] = n.Hash
	}
	return v
}

// end is the verdict about a chain that was read to its end.
func (v *verifier) end(err error) (Verdict, error) {
	if err == nil && len(v.noted) > 0 {
		err = &Broken{v.verdict.Last, "an entry that was noted is not there"}
	}
	return v.verdict, err
}

// read goes on with the chain.
func (v *verifier) read(r io.Reader) error {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("read the log of calls: %w", err)
		}
		if why := v.take(text, err); why != "" {
			return &Broken{v.verdict.Last, why}
		}
	}
}

// take checks one line and returns what is wrong with it.
func (v *verifier) take(text []byte, end error) string {
	if end != nil {
		return "its last line is not whole"
	}
	r, err := decode(text[:len(text)-1])
	if err != nil {
		return "what follows is no entry"
	}
	switch {
	case !v.begun && (r.Number == 0 || r.Number == 1 && r.prev != Hash{}):
		return "the first entry has another before it"
	case v.begun && r.Number != v.verdict.Last+1:
		return fmt.Sprintf("entry %d follows", r.Number)
	case v.begun && r.prev != v.verdict.Head:
		return "the next entry was written behind another one"
	}
	if !v.begun {
		v.begun, v.verdict.First = true, r.Number
	}
	if why := v.seal(&r); why != "" {
		return why
	}
	if hash, noted := v.noted[r.Number]; noted {
		if hash != r.hash {
			return fmt.Sprintf("entry %d is another than the one that was noted", r.Number)
		}
		delete(v.noted, r.Number)
	}
	v.verdict.Last, v.verdict.Head = r.Number, r.hash
	return ""
}

func (v *verifier) seal(r *record) string {
	if r.Act != actSeal {
		if r.mac != "" {
			return "an entry that is no seal has one"
		}
		return ""
	}
	if v.verdict.Checked && !hmac.Equal([]byte(sealOf(v.key, r.Number-1, r.prev)), []byte(r.mac)) {
		return "a seal is false"
	}
	v.verdict.Seals++
	v.verdict.Sealed = r.Number - 1
	return ""
}
