package tlog

import (
	"encoding/base64"
	"testing"
)

func TestOnlyTheOneTextOfACheckpointIsRead(t *testing.T) {
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for text, want := range map[string]bool{
		"yunshi/x\n1\n" + root + "\n":       true,
		"yunshi/x\n0\n" + root + "\n":       true,
		"yunshi/x\n01\n" + root + "\n":      false,
		"yunshi/x\n+1\n" + root + "\n":      false,
		"yunshi/x\n-1\n" + root + "\n":      false,
		"yunshi/x\nx\n" + root + "\n":       false,
		"yunshi/x\n1\n" + root:              false,
		"yunshi/x\n1\n" + root[:40] + "\n":  false,
		"yunshi/x\n1\n" + root + "\nmore\n": false,
		"yunshi/x\n1\nnot base64 at all\n":  false,
		"yunshi/x\n1\n" + root[:4] + "=\n":  false,
		"yunshi/x\n1\n" + root + "\r\n":     false,
		"":                                  false,
	} {
		if _, ok := parseCheckpoint(text); ok != want {
			t.Errorf("parse(%q) = %v", text, ok)
		}
	}
}
