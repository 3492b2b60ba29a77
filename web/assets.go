package web

import (
	_ "embed"
)

//go:embed dist/z.js
var snippet []byte

//go:embed dist/shop.js
var shopScript []byte

//go:embed dist/shop.css
var shopStyle []byte

// Snippet returns z.js as it is served. The caller must not change it.
func Snippet() []byte { return snippet }
