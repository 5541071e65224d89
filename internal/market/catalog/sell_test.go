package catalog_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/market/catalog"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
)

func TestClause_4_2_WhatLacksAPartOfItsTermsSheetIsNotSold(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		content := seed.Content("甲办公", "A Office")
		p := m.Product(t, who, v.ID, "office", content)
		t.Run("allowed_whole_sheet", func(t *testing.T) {
			if err := mustSell(t, d, offerOf(t, d, p.ID)); err != nil {
				t.Error(err)
			}
		})
		// A version listed before a part became mandatory: its hashes fit, the part is not there.
		content.Requirements = nil
		old, err := catalog.Encode(content)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(old)
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE catalog_version SET content = $1, content_sha256 = $2, submitted_sha256 = $2, published_sha256 = $2 WHERE id = $3`,
				string(old), hex.EncodeToString(sum[:]), string(p.ListedVersion))
			return err
		})
		t.Run("refused_without_requirements", func(t *testing.T) {
			refused(t, mustSell(t, d, offerOf(t, d, p.ID)), "TERMS_SHEET_INCOMPLETE", "UA 4.2")
		})
	})
}
