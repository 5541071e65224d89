package calendar

// Official returns the tables that the General Office of the State Council announced for 2025 (notice 国办发明电〔2024〕12号)
// and 2026 (notice of 4 November 2025). Later years are added by the operator with WorkingDays.With once announced.
func Official() WorkingDays {
	tables, err := NewWorkingDays(announced...)
	if err != nil {
		panic(err) // the table below is a constant of this package
	}
	return tables
}

// announced lists weekdays off and weekend days worked; a weekend inside a holiday is free anyway and is not listed.
var announced = []Year{
	{
		Year: 2025,
		Off: []string{
			"2025-01-01",
			"2025-01-28", "2025-01-29", "2025-01-30", "2025-01-31", "2025-02-03", "2025-02-04",
			"2025-04-04",
			"2025-05-01", "2025-05-02", "2025-05-05",
			"2025-06-02",
			"2025-10-01", "2025-10-02", "2025-10-03", "2025-10-06", "2025-10-07", "2025-10-08",
		},
		Work: []string{"2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"},
	},
	{
		Year: 2026,
		Off: []string{
			"2026-01-01", "2026-01-02",
			"2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20", "2026-02-23",
			"2026-04-06",
			"2026-05-01", "2026-05-04", "2026-05-05",
			"2026-06-19",
			"2026-09-25",
			"2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07",
		},
		Work: []string{"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"},
	},
}
