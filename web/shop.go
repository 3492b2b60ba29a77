package web

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
)

//go:embed pages
var pages embed.FS

// Shop is what the demo shop shows about its site. All texts come from the
// site's configuration.
type Shop struct {
	Key        string // public write key
	Controller string // who is responsible
	Address    string // where they are
	Contact    string // where to write to them
	Version    uint32 // of the policy, as POST /consent must name it
	Purposes   []ShopPurpose
}

// ShopPurpose is one purpose as the dialogue shows it.
type ShopPurpose struct {
	ID    string
	Kind  string // measurement, analytics, profiling, marketing, sharing
	Text  string
	Keeps string // how long rows are kept, for people: "13 months"
	Asks  bool   // on consent; else it may be objected to
}

// File is one file of the shop, ready to serve.
type File struct {
	Path, Type string
	Body       []byte
}

// Product is something that the shop sells.
type Product struct {
	SKU, Name, Category, Words, Price string
	Hue                               string // a class of the style sheet
}

var products = []Product{
	{"mug-01", "Mug with a handle", "kitchen", "Holds 0.3 l and does not report it.", "12.50", "clay"},
	{"lamp-02", "Desk lamp", "light", "Bright, dimmable, without a cloud.", "49.00", "sun"},
	{"note-03", "Notebook", "paper", "160 pages. Remembers only what you write.", "8.90", "leaf"},
	{"bag-04", "Canvas bag", "bags", "Carries shopping, not cookies.", "19.00", "sea"},
}

type view struct {
	*Shop
	Snippet  string // hash of the snippet
	Title    string
	Page     string
	Products []Product
	Product  Product
}

// Files renders the shop. snippet is the hash under which z.js never changes.
func (s *Shop) Files(snippet string) ([]File, error) {
	if s.Key == "" || len(s.Purposes) == 0 || s.Controller == "" {
		return nil, errors.New("the demo shop needs a key, a controller and purposes")
	}
	files := []File{
		{"/demo/shop.js", "text/javascript; charset=utf-8", shopScript},
		{"/demo/shop.css", "text/css; charset=utf-8", shopStyle},
	}
	base, err := template.New("").ParseFS(pages, "pages/layout.html")
	if err != nil {
		return nil, fmt.Errorf("read the shop's pages: %w", err)
	}
	add := func(path, page string, v view) error {
		v.Shop, v.Snippet, v.Page, v.Products = s, snippet, page, products
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(pages, "pages/"+page+".html")
		}
		var b bytes.Buffer
		if err == nil {
			err = t.ExecuteTemplate(&b, "layout.html", v)
		}
		if err != nil {
			return fmt.Errorf("render the shop's page %s: %w", page, err)
		}
		files = append(files, File{path, "text/html; charset=utf-8", b.Bytes()})
		return nil
	}
	errs := []error{
		add("/demo/", "list", view{Title: "Shop"}),
		add("/demo/privacy", "privacy", view{Title: "Your privacy"}),
	}
	for _, p := range products {
		errs = append(errs, add("/demo/"+p.SKU, "product", view{Title: p.Name, Product: p}))
	}
	return files, errors.Join(errs...)
}
