// Package bundle turns the sources of web/src into the files of web/dist with
// esbuild as a library. The same sources give the same bytes.
package bundle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// Names are the files that are built, in the order they are written.
var Names = []string{"z.js", "shop.js", "shop.css"}

// Build bundles every file of Names from the folder src.
func Build(src string) (map[string][]byte, error) {
	out := make(map[string][]byte, len(Names))
	for _, name := range Names {
		code, err := build(filepath.Join(src, name))
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", name, err)
		}
		out[name] = code
	}
	return out, nil
}

func build(path string) ([]byte, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{path},
		Bundle:            true,
		Target:            api.ES2017,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		LineLimit:         120,
		LogLevel:          api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		var errs []error
		for _, m := range result.Errors {
			errs = append(errs, errors.New(m.Text))
		}
		return nil, errors.Join(errs...)
	}
	return result.OutputFiles[0].Contents, nil
}

// Write builds into the folder dist.
func Write(src, dist string) error {
	files, err := Build(src)
	if err != nil {
		return err
	}
	for _, name := range Names {
		if err := os.WriteFile(filepath.Join(dist, name), files[name], 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
