package page

// Piece is a run of text that two texts share, or that only the one before (Gone)
// or the one after (New) has.
type Piece struct {
	Gone, New bool
	Text      string
}

// Rewording is one difference between two versions of a document.
type Rewording struct {
	Title  string
	Code   bool // Title is a name for programs
	Badges []string
	Pieces []Piece
}
