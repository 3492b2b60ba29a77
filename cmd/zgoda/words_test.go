package main

import (
	"context"
	"crypto/rand"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"zgoda/activity"
	"zgoda/cli"
	"zgoda/config"
	"zgoda/dashboards/rules"
	"zgoda/doctor"
	"zgoda/engine/enginetest"
	"zgoda/telemetry/catalogue"
)

// told are the texts that tell an operator what to do, by where they stand: what a
// finding of the doctor says, and summaries and descriptions of alerts.
func told(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, pattern := range []string{"../../doctor/*.go", "../../console/keeping.go", "doctor.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				all[name] = doIn(t, name)
			}
		}
	}
	alerts := rules.Alerts()
	for i := range alerts {
		all[alerts[i].Name] = append(all[alerts[i].Name], alerts[i].Summary, alerts[i].Description)
	}
	return all
}

// doIn are the texts of a file that say what to do, or become a part of that: each
// expression of strings as a whole, with a word for what is only known when it runs.
func doIn(t *testing.T, name string) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch e := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.KeyValueExpr:
			if key, ok := e.Key.(*ast.Ident); ok && slices.Contains([]string{"Do", "do"}, key.Name) {
				texts = append(texts, words(e.Value))
				return false
			}
		case *ast.BasicLit: // that becomes one
			if text := words(e); strings.Contains(name, "/doctor/") && e.Kind == token.STRING && strings.ContainsAny(text, "`") {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

func words(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err == nil {
			return text
		}
	case *ast.BinaryExpr:
		return words(e.X) + words(e.Y)
	}
	return "gate"
}

// settings are all settings by their paths, and by their last names.
func settings() map[string]bool {
	all := map[string]bool{}
	var walk func(kind reflect.Type, path string)
	walk = func(kind reflect.Type, path string) {
		for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice || kind.Kind() == reflect.Map {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct {
			return
		}
		for field := range kind.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if options == "inline" {
				walk(field.Type, path)
			}
			if name == "-" || name == "" || strings.Count(path, ".") > 6 {
				continue
			}
			all[path+name] = true
			walk(field.Type, path+name+".")
		}
	}
	walk(reflect.TypeFor[config.Config](), "")
	return all
}

var (
	ticked   = regexp.MustCompile("`([^`]*)`")
	commands = regexp.MustCompile(`\bzgoda [a-z]+|--[a-z]|\b\w+_\w+\b|\b(SELECT|chmod|chown|curl|dmesg)\b`)
	pages    = regexp.MustCompile(`docs/[\w/-]+\.md`)
	template = regexp.MustCompile(`\{\{[^}]*\}\}`)
)

// TestWhatIsToldIsThere: what a finding of the doctor or an alert has somebody run is
// a command that this program takes, or one of the system's; each query is one that
// ClickHouse answers; each setting, metric, check and page that they name is there.
// Whatever is meant word by word stands in backticks.
func TestWhatIsToldIsThere(t *testing.T) {
	known, texts, conn := settings(), told(t), anyClickHouse(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	ran, queries := 0, map[string]bool{}
	for where, list := range texts {
		for _, text := range list {
			for _, part := range ticked.FindAllStringSubmatch(text, -1) {
				switch said := part[1]; {
				case strings.HasPrefix(said, "zgoda "):
					ran++
					takes(t, where, said)
				case strings.HasPrefix(said, "SELECT "):
					queries[said] = true
				case regexp.MustCompile(`^(chmod|chown|curl|dmesg|chronyc|timedatectl)\b`).MatchString(said):
				default:
					if _, metric := catalogue.Find(said); !metric && !known[said] && !slices.Contains(doctor.Names(), said) {
						t.Errorf("%s: `%s` is no setting, metric, check or command: %s", where, said, text)
					}
				}
			}
			bare := template.ReplaceAllString(ticked.ReplaceAllString(text, ""), "")
			if found := commands.FindString(bare); found != "" {
				t.Errorf("%s: %q is meant word by word and is not in backticks: %s", where, found, text)
			}
			for _, page := range pages.FindAllString(text, -1) {
				if _, err := os.Stat(filepath.Join(root, page)); err != nil {
					t.Errorf("%s names %s, which is not there", where, page)
				}
			}
		}
	}
	if ran < 20 || len(queries) < 3 {
		t.Errorf("only %d commands and %d queries were found", ran, len(queries))
	}
	answers(t, conn, queries)
}

// takes runs a command of ours where nothing is, with a context that is over, and checks
// that it is not refused as a wrong command line.
func takes(t *testing.T, where, command string) {
	t.Helper()
	line, _, _ := strings.Cut(strings.TrimPrefix(command, "zgoda "), " >")
	_, public, err := note.GenerateKey(rand.Reader, "shop.example/zgoda")
	if err != nil {
		t.Fatal(err)
	}
	args := strings.Fields(strings.NewReplacer(
		"approve ID", "approve "+strings.Repeat("ab", 16), "revoke ID", "revoke t_1", " ROLE NAME", " rights gate-a", "N:HASH", "7:"+strings.Repeat("ab", 32),
		" URI", " file:/tmp/none", " DIR", " data", "--key KEY", "--key "+public, "rotate KEY", "rotate gate",
	).Replace(line))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var errs strings.Builder
	code := cli.Run(over, args, strings.NewReader(""), io.Discard, &errs, cli.Actions{
		Up:       func(context.Context, cli.UpFlags, io.Writer, io.Writer) error { return nil },
		Serve:    func(context.Context, cli.ServeFlags, io.Writer, io.Writer) error { return nil },
		Check:    func(context.Context, cli.CheckFlags, io.Writer, io.Writer) error { return nil },
		Settings: func(string) (doctor.Settings, error) { return doctor.Settings{}, nil },
	})
	if code == 2 {
		t.Errorf("%s: `%s` is no command: %s", where, command, errs.String())
	}
}

// anyClickHouse is a real one, as its administrator sees it.
func anyClickHouse(t *testing.T) *activity.Store {
	t.Helper()
	access := enginetest.Start(t)
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = access.Address, access.Admin.User, access.Admin.Password.Reveal()
	store, err := activity.Open(t.Context(), c)
	if err == nil {
		t.Cleanup(func() { _ = store.Close() })
		err = store.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// answers checks that queries are answered.
func answers(t *testing.T, store *activity.Store, queries map[string]bool) {
	t.Helper()
	format, err := activity.ParseFormat("TSV")
	if err != nil {
		t.Fatal(err)
	}
	for query := range queries {
		if err := store.Query(t.Context(), query, io.Discard, format); err != nil {
			t.Errorf("`%s`: %v", query, err)
		}
	}
}
