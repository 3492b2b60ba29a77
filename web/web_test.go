package web_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/web"
	"zgoda/web/bundle"
)

// TestDistIsUpToDate: what is committed is what the sources give.
func TestDistIsUpToDate(t *testing.T) {
	files, err := bundle.Build("src")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range bundle.Names {
		committed, err := os.ReadFile(filepath.Join("dist", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(committed, files[name]) {
			t.Errorf("dist/%s is out of date: run go run ./web/build", name)
		}
	}
}

func TestWriteBuildsAll(t *testing.T) {
	dir := t.TempDir()
	if err := bundle.Write("src", dir); err != nil {
		t.Fatal(err)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(found) != len(bundle.Names) {
		t.Errorf("%v %v", found, err)
	}
	if err := bundle.Write(dir+"/nothing", dir); err == nil {
		t.Error("no sources, no error")
	}
}

// TestSnippetIsSmallAndStoresNothing: less than four kilobytes, two compressed, as
// docs/snippet.md says, and no word by which a script stores or reads anything in a browser.
func TestSnippetIsSmallAndStoresNothing(t *testing.T) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(web.Snippet()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("z.js: %d bytes, %d gzipped", len(web.Snippet()), b.Len())
	if len(web.Snippet()) >= 4<<10 || b.Len() >= 2<<10 {
		t.Errorf("%d bytes, %d gzipped", len(web.Snippet()), b.Len())
	}
	for _, word := range []string{"localStorage", "sessionStorage", "indexedDB", ".cookie", "caches", "userAgent", "screen", "plugins", "canvas"} {
		if bytes.Contains(web.Snippet(), []byte(word)) {
			t.Errorf("the snippet says %s", word)
		}
	}
}

func shop() *web.Shop {
	return &web.Shop{
		Key: "demo-key", Controller: "Demo <Shop>", Address: "1 Road, Town", Contact: "dpo@demo.example", Version: 1,
		Purposes: []web.ShopPurpose{
			{ID: "measurement", Kind: "measurement", Text: "Counting visits without knowing whose they are."},
			{ID: "analytics", Kind: "analytics", Text: "Seeing how the shop is used over a month.", Keeps: "13 months", Asks: true},
			{ID: "profiling", Kind: "profiling", Text: "Suggesting products by what you looked at.", Keeps: "13 months", Asks: true},
			{ID: "marketing", Kind: "marketing", Text: "Writing to you about offers.", Keeps: "13 months", Asks: true},
		},
	}
}

func TestShopPages(t *testing.T) {
	files, err := shop().Files("abcdef")
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for _, f := range files {
		if !strings.HasPrefix(f.Type, "text/html") {
			continue
		}
		pages++
		body := string(f.Body)
		for _, part := range []string{
			"Demo &lt;Shop&gt;", "1 Road, Town", "dpo@demo.example", `src="/z.js?v=abcdef"`, `data-key="demo-key"`,
			`name="profiling" data-asks`, `name="measurement" data-objects`, "Kept for 13 months.", "data-open-choices",
		} {
			if !strings.Contains(body, part) {
				t.Errorf("%s lacks %s", f.Path, part)
			}
		}
		for _, never := range []string{" checked", "<style", "style=", "onclick", "javascript:", "<script>", "http://", "https://"} {
			if strings.Contains(body, never) {
				t.Errorf("%s holds %s", f.Path, never)
			}
		}
	}
	if pages < 4 {
		t.Errorf("%d pages", pages)
	}
	for _, s := range []*web.Shop{{}, {Key: "k", Controller: "c"}} {
		if _, err := s.Files(""); err == nil {
			t.Error("a shop without purposes, and no error")
		}
	}
}
