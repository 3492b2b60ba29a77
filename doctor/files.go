package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const secretsOpen = "whoever has an account on this machine can read keys, tokens or personal data, and no log tells of it"

// configuration says what is wrong with the file.
func (s *system) configuration(context.Context) []Finding {
	c, err := s.settings()
	switch {
	case err != nil:
		return []Finding{{
			Level: Problem, What: err.Error(), Why: "the gateway does not start with it, after its next stop at the latest",
			Do: "mend the file, then: `zgoda check --config FILE`",
		}}
	case !c.Given:
		return skipped("no file was given: --config FILE, or ZGODA_CONFIG")
	default:
		return []Finding{{Level: OK, What: "the file is valid, and its secrets can be read"}}
	}
}

// files looks at who may read what is kept.
func (s *system) files(ctx context.Context) []Finding {
	var list []Finding
	c, _ := s.settings() // said by its own check
	for _, path := range c.Secrets {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			list = append(list, Finding{Level: Problem, What: path + " cannot be read: " + reason(err), Why: "the gateway needs it at its next start", Do: "put it back, of mode 0600"})
		case info.Mode().Perm()&0o077 != 0:
			list = append(list, exposed(path, info.Mode(), "600"))
		}
	}
	info, err := os.Stat(s.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return append(list, Finding{Level: Problem, What: "there is no data folder at " + s.Data, Why: "it holds everything that is kept", Do: "give the right one: `zgoda doctor --data DIR`"})
	case err != nil:
		return append(list, failed("look at the data folder", errors.New(reason(err)))...)
	}
	walk := walker{open: map[string]int{}, others: map[string]int{}, owner: ownerOf(info)}
	if err := walk.folder(ctx, s.Data); err != nil {
		list = append(list, failed("look at the data folder", errors.New(reason(err)))...)
	}
	list = append(list, walk.findings(s.Data)...)
	if c.LocalKEK {
		list = append(list, Finding{
			Level: Warning, What: "the key-encryption key is a file on the volume of the keys that it wraps",
			Why: "whoever takes this volume, or a copy of it, can open every key", Do: "move it to Vault, a cloud or a token: `zgoda keys rotate kek --to URI`, as docs/keys.md says",
		})
	}
	if len(list) == 0 {
		return []Finding{{Level: OK, What: "only their owner can read them"}}
	}
	return list
}

func exposed(path string, mode fs.FileMode, want string) Finding {
	return Finding{
		Level: Problem, What: fmt.Sprintf("%s has mode %04o, so others than its owner may use it", path, mode.Perm()), Why: secretsOpen,
		Do: "`chmod " + want + " " + path + "`; if others had accounts here meanwhile, take it as read: rotate what it holds",
	}
}

// reason is why a file could not be used, without its path, which may be long.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// maxWalked bounds the files that are looked at; ClickHouse's are not walked, since
// its folder is closed itself.
const maxWalked = 100_000

type walker struct {
	owner  uint32
	seen   int
	open   map[string]int // files that others may use, by place
	others map[string]int // files of another owner, by place
}

// folder walks what is in the data folder: itself and each place in it have to be
// closed, and in places that are closed all the same each file.
func (w *walker) folder(ctx context.Context, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // it is gone meanwhile
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil { // gone meanwhile
			return nil //nolint:nilerr // files come and go
		}
		if w.seen++; w.seen > maxWalked {
			return filepath.SkipAll
		}
		place, _, inside := strings.Cut(filepath.ToSlash(rel), "/")
		if info.Mode().Perm()&0o077 != 0 && info.Mode().Type()&fs.ModeSymlink == 0 {
			w.open[place]++
		}
		if ownerOf(info) != w.owner {
			w.others[place]++
		}
		if place == "clickhouse" && d.IsDir() && !inside {
			return filepath.SkipDir
		}
		return nil
	})
}

func (w *walker) findings(root string) (list []Finding) {
	for _, place := range slices.Sorted(maps.Keys(w.open)) {
		at := filepath.Join(root, place)
		what := fmt.Sprintf("%s: %d files or folders of which others than the owner may use some", at, w.open[place])
		if place == "." {
			what = at + " may be used by others than its owner"
		}
		list = append(list, Finding{
			Level: Problem, What: what, Why: secretsOpen,
			Do: "`chmod -R go-rwx " + at + "`; if others had accounts here meanwhile, take it as read: rotate the keys (`zgoda keys rotate KEY`) and revoke the tokens (`zgoda token revoke ID`)",
		})
	}
	for _, place := range slices.Sorted(maps.Keys(w.others)) {
		at := filepath.Join(root, place)
		list = append(list, Finding{
			Level: Warning, What: fmt.Sprintf("%s: %d files or folders are another user's than the data folder is", at, w.others[place]),
			Why: "the process may be refused them, or that user reads what is kept", Do: "`chown -R --reference=" + root + " " + at + "`",
		})
	}
	return list
}

func ownerOf(info fs.FileInfo) uint32 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid
	}
	return 0
}
