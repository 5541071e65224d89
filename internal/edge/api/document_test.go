package api

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// documentFile is the document in the tree, for people and generators of clients.
var documentFile = filepath.Join("..", "..", "..", "docs", "api", "openapi.json")

// TestDocumentInTheTreeIsCurrent fails when an operation changed and the document
// did not; YUNSHI_UPDATE=1 writes it anew.
func TestDocumentInTheTreeIsCurrent(t *testing.T) {
	made, err := build(table()).document()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("YUNSHI_UPDATE") != "" {
		if err := os.WriteFile(documentFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, kept) {
		t.Error("docs/api/openapi.json is not current; run: YUNSHI_UPDATE=1 go test ./internal/edge/api -run TestDocument")
	}
}
