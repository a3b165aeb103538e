"""Models to give away: metafiles, publishing, converting, summary, speed, export."""
