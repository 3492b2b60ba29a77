package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const maxFile = 4 << 20

// ErrSize is returned for a file that is too large to be a configuration.
var ErrSize = errors.New("configuration is larger than 4 MiB")

// Load reads a file over the defaults. Secret files are looked for beside it.
// It does not validate.
func Load(path string) (Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	if info.Size() > maxFile {
		return Config{}, ErrSize
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(b)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	c.dir = filepath.Dir(path)
	for i := range c.Sites {
		c.Sites[i].dir = filepath.Dir(path)
	}
	c.Mail.dir = filepath.Dir(path)
	c.Rights.dir, c.OpenDSR.dir = filepath.Dir(path), filepath.Dir(path)
	return c, nil
}

// Parse reads a configuration over the defaults. An unknown key, a repeated key
// or a value of a wrong type is an error that names the key's path.
func Parse(b []byte) (Config, error) {
	c := DefaultConfig()
	if len(bytes.TrimSpace(b)) == 0 {
		return c, nil
	}
	file, err := parser.ParseBytes(b, 0)
	if err != nil {
		return Config{}, plain(err, nil)
	}
	if len(file.Docs) > 1 {
		return Config{}, errors.New("configuration holds more than one document")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return c, nil
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, &c, yaml.Strict()); err != nil {
		return Config{}, plain(err, file)
	}
	return c, nil
}

// plain words a YAML error without its excerpt of the source, which could show
// what stands beside it.
func plain(err error, file *ast.File) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil || e.GetToken().Position == nil {
		return errors.New("configuration is not valid YAML")
	}
	tok := e.GetToken()
	at := "line " + strconv.Itoa(tok.Position.Line)
	path := pathOf(file, tok)
	var unknown *yaml.UnknownFieldError
	var repeated *yaml.DuplicateKeyError
	var mistyped *yaml.TypeError
	var overflow *yaml.OverflowError
	var node *yaml.UnexpectedNodeTypeError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%s: unknown key %s", at, path)
	case errors.As(err, &repeated):
		return fmt.Errorf("%s: %s is repeated", at, path)
	case errors.As(err, &mistyped), errors.As(err, &overflow), errors.As(err, &node):
		return fmt.Errorf("%s: %s has a value of the wrong type", at, path)
	case strings.Contains(e.GetMessage(), "already defined"):
		return fmt.Errorf("%s: %s is repeated", at, path)
	default:
		return fmt.Errorf("%s: not valid YAML", at)
	}
}

// pathOf returns the path of the key that the token is, or is the value of.
func pathOf(file *ast.File, tok *token.Token) string {
	if file == nil {
		return "a key"
	}
	f := &finder{tok: tok}
	for _, doc := range file.Docs {
		ast.Walk(f, doc.Body)
	}
	if f.path == "" {
		return "a key"
	}
	return f.path
}

// finder looks for the node of a token.
type finder struct {
	tok  *token.Token
	path string
}

// Visit implements ast.Visitor.
func (f *finder) Visit(n ast.Node) ast.Visitor {
	if f.path != "" {
		return nil
	}
	if t := n.GetToken(); t != nil && t.Position != nil && t.Position.Offset == f.tok.Position.Offset {
		f.path = strings.TrimPrefix(strings.TrimPrefix(n.GetPath(), "$"), ".")
	}
	return f
}
