"""Sequence files that lie, and what is said of each, word for word."""

from __future__ import annotations

import gzip

from lies import FEW, Lie

KEPT = b">k\nMKVL\n"  # a record that is right, so that one beside it is refused by itself
_WHOLE = gzip.compress(b"".join(b">%d\nMKVL\n" % n for n in range(3000)))

SEQUENCES = (
    Lie(
        "empty file",
        "protein",
        b"",
        "p.fasta: the file is empty",
    ),
    Lie(
        "blank lines alone",
        "protein",
        b" \n\n\t\n",
        "p.fasta: the file is empty",
    ),
    Lie(
        "headers alone",
        "protein",
        b">a\n>b\n",
        "p.fasta: holds headers but no sequence",
    ),
    Lie(
        "a header without a sequence",
        "protein",
        KEPT + b">a\n>b\nMK\n",
        "line 3, 'a': no sequence follows the header\ntaken: k, b",
    ),
    Lie(
        "a sequence before the first header",
        "protein",
        b"MKVL\n>a\nMK\n",
        "p.fasta, line 1: 'MKVL' stands before the first header: every sequence needs a "
        "header line that begins with '>'",
    ),
    Lie(
        "one id twice, the same sequence",
        "protein",
        b">a\nMK\n>a\nMK\n",
        "records that repeat an earlier one word for word, left out: 1\ntaken: a",
    ),
    Lie(
        "one id twice, another sequence",
        "protein",
        b">a\nMK\n>a\nMR\n",
        "p.fasta, line 3: record 'a' differs from the one of the same id in p.fasta, "
        "line 1: rename or remove one of them",
    ),
    Lie(
        "an id with spaces: its first word counts",
        "protein",
        b">a b c\nMK\n",
        "taken: a",
    ),
    Lie(
        "ids that differ after the first space",
        "protein",
        b">a one\nMK\n>a two\nMR\n",
        "p.fasta, line 3: record 'a' differs from the one of the same id in p.fasta, "
        "line 1: rename or remove one of them",
    ),
    Lie(
        "an id with a tab: what stands before it counts",
        "protein",
        b">a\tb\nMK\n",
        "taken: a",
    ),
    Lie(
        "an id of `/` and `..`",
        "protein",
        b">../../etc/passwd\nMK\n",
        "taken: ../../etc/passwd",
    ),
    Lie(
        "an id with quotes",
        "protein",
        b">a'b\"c\nMK\n",
        "taken: a'b\"c",
    ),
    Lie(
        "an id with `<script>`",
        "protein",
        b"><script>alert(1)</script>\nMK\n",
        "taken: <script>alert(1)</script>",
    ),
    Lie(
        "an id with an emoji",
        "protein",
        ">\U0001f9ec\nMK\n".encode(),
        "taken: 🧬",
    ),
    Lie(
        "an id of 300 characters",
        "protein",
        b">" + b"x" * 300 + b"\nMK\n",
        "taken: xxx… of 300",
    ),
    Lie(
        "an id with a leading `-`",
        "protein",
        b">-rf\nMK\n",
        "taken: -rf",
    ),
    Lie(
        "an id with a leading `=`",
        "protein",
        b">=1+1\nMK\n",
        "taken: =1+1",
    ),
    Lie(
        "an id with a control character",
        "protein",
        KEPT + b">a\x1b[2J\nMK\n",
        "line 3, 'a\\x1b[2J': the id holds a character that cannot be printed\ntaken: k",
    ),
    Lie(
        "an id with a right-to-left override",
        "protein",
        KEPT + ">a\u202eb\nMK\n".encode(),
        "line 3, 'a\\u202eb': the id holds a character that cannot be printed\ntaken: k",
    ),
    Lie(
        "no id",
        "protein",
        KEPT + b"> a\nMK\n",
        "line 3, '': the header has no id directly after '>'\ntaken: k",
    ),
    Lie(
        "lower case",
        "protein",
        b">a\nmkvl\n",
        "sequences with lower-case letters, read as upper case: 1\ntaken: a",
    ),
    Lie(
        "a closing `*`",
        "protein",
        b">a\nMKVL*\n",
        "closing stop codons (*) removed: 1\ntaken: a",
    ),
    Lie(
        "`*` inside",
        "protein",
        KEPT + b">a\nMK*VL\n",
        "line 3, 'a': stop codon '*' at position 3, inside the sequence\ntaken: k",
    ),
    Lie(
        "a gap `-` of an alignment",
        "protein",
        KEPT + b">a\nMK--VL\n",
        "line 3, 'a': alignment gap '-' at position 3: give unaligned sequences\ntaken: k",
    ),
    Lie(
        "a gap `.` of an alignment",
        "protein",
        KEPT + b">a\nMK.VL\n",
        "line 3, 'a': alignment gap '.' at position 3: give unaligned sequences\ntaken: k",
    ),
    Lie(
        "digits, as in GenBank's form",
        "protein",
        KEPT + b">a\n1 MKVL\n",
        "line 3, 'a': digit '1' at position 1 is no protein letter\n"
        "lines with spaces inside the sequence, read without them: 1\n"
        "taken: k",
    ),
    Lie(
        "U, O, B, Z, X and J in a protein",
        "protein",
        b">a\nMUOBZXJ\n",
        "ambiguous protein letters, kept as unknown: 6\ntaken: a",
    ),
    Lie(
        "a protein of X alone",
        "protein",
        KEPT + b">a\nXXXX\n",
        "line 3, 'a': every letter is ambiguous ('X' and the like)\ntaken: k",
    ),
    Lie(
        "DNA where proteins are wanted",
        "protein",
        KEPT + b">a\n" + b"ACGT" * 6 + b"\n",
        "line 3, 'a': looks like DNA or RNA: 24 letters, all of them in ACGTUN\ntaken: k",
    ),
    Lie(
        "RNA where DNA is wanted",
        "DNA",
        b">a\nACGU\n",
        "RNA: sequences with U, read as T: 1\ntaken: a",
    ),
    Lie(
        "a protein where DNA is wanted",
        "DNA",
        b">k\nACGT\n>a\nMKVLE\n",
        "line 3, 'a': looks like a protein: 'L' at position 4 is no nucleotide\ntaken: k",
    ),
    Lie(
        "a protein of letters that DNA has too",
        "DNA",
        b">k\nACGT\n>a\n" + b"MKVHDWRSYA" * 2 + b"\n",
        "line 3, 'a': looks like a protein: only 10% of the letters are in ACGTUN\ntaken: k",
    ),
    Lie(
        "X in DNA",
        "DNA",
        b">k\nACGT\n>a\nACGX\n",
        "line 3, 'a': character 'X' at position 4 is no DNA letter\ntaken: k",
    ),
    Lie(
        "lines ended by CR LF",
        "protein",
        b">a\r\nMK\r\nVL\r\n",
        "taken: a",
    ),
    Lie(
        "lines ended by CR",
        "protein",
        b">a\rMK\rVL\r",
        "taken: a",
    ),
    Lie(
        "a byte order mark",
        "protein",
        b"\xef\xbb\xbf>a\nMK\n",
        "taken: a",
    ),
    Lie(
        "UTF-16",
        "protein",
        ">a\nMK\n".encode("utf-16"),
        "p.fasta: is UTF-16 text: give UTF-8 text, plain or gzipped",
    ),
    Lie(
        "UTF-16 without its mark",
        "protein",
        ">a\nMK\n".encode("utf-16-le"),
        "p.fasta, line 1: holds a NUL byte; this is a binary file or UTF-16: save it as UTF-8 text",
    ),
    Lie(
        "Latin-1",
        "protein",
        KEPT + ">Löwe\nMK\n".encode("latin-1"),
        "p.fasta, line 3: byte 0xF6 is no UTF-8 (perhaps Latin-1): save it as UTF-8 "
        "text, for example with iconv -f latin1 -t utf8",
    ),
    Lie(
        "NUL",
        "protein",
        KEPT + b">a\nM\0K\n",
        "p.fasta, line 4: holds a NUL byte; this is a binary file or UTF-16: save it as UTF-8 text",
    ),
    Lie(
        "gzip that was cut in half",
        "protein",
        _WHOLE[: len(_WHOLE) // 2],
        "p.fasta: the gzip file is broken after line 2,960: fetch or compress it again",
    ),
    Lie(
        "gzip without its last bytes",
        "protein",
        _WHOLE[:-4],
        "p.fasta: the gzip file is broken after line 6,000: fetch or compress it again",
    ),
    Lie(
        "gzip with a wrong byte",
        "protein",
        _WHOLE[:-6] + b"\0" + _WHOLE[-5:],
        "p.fasta: the gzip file is broken after line 6,000: fetch or compress it again",
    ),
    Lie(
        "gzip under a name without .gz",
        "protein",
        gzip.compress(b">a\nMK\n"),
        "taken: a",
    ),
    Lie(
        "a zip archive or a workbook",
        "protein",
        b"PK\x03\x04 and so on",
        "p.fasta: is a zip archive or an Excel workbook: give UTF-8 text, plain or gzipped",
    ),
    Lie(
        "a gzip bomb",
        "unpacking",
        gzip.compress(b">a\n" + b"M" * 3_000_000),
        "b.fasta.gz: unpacks to more than max_unpacked, 1 MB, from 2,948 bytes: raise "
        "max_unpacked, or unpack it yourself, if you know what it holds",
    ),
    Lie(
        "more letters than max_length",
        "protein",
        KEPT + b">a\n" + b"M" * (FEW + 1) + b"\n",
        "line 3, 'a': 51 letters are more than max_length 50\ntaken: k",
    ),
    Lie(
        "FASTQ",
        "protein",
        b"@a\nACGT\n+\nIIII\n",
        "p.fasta, line 1: '@a' stands before the first header: this looks like FASTQ: "
        "convert it to FASTA",
    ),
    Lie(
        "labels of another length",
        "chains",
        b">k\nMKVL\nHHHH\n>a\nMKVL\nHHH\n",
        "line 4, 'a': 3 labels for 4 residues\n"
        "chains labelled with three states (H, E, C) only: 1\n"
        "taken: k",
    ),
    Lie(
        "an unknown label",
        "chains",
        b">k\nMKVL\nHHHH\n>l\nMKVL\nHHHC\n>a\nMKVL\nHHHQ\n",
        "line 7, 'a': label 'Q' at position 4 is none of H B E G I T S C\n"
        "chains labelled with three states (H, E, C) only: 2\n"
        "taken: k, l",
    ),
    Lie(
        "no labels at all",
        "chains",
        b">a\nMKVLMKVL\n>b\nMKVLMKVV\n",
        "c.3line: no labels found: looked for a line of labels under each sequence "
        "(3-line form) and for TARGET= in the headers; labels are H B E G I T S C, and "
        "may also stand in a second FASTA (labels:)",
    ),
    Lie(
        "a chain without a known label",
        "chains",
        b">k\nMKVL\nHHHH\n>a\nMKVL\n....\n",
        "line 4, 'a': no label is known\n"
        "chains labelled with three states (H, E, C) only: 1\n"
        "taken: k",
    ),
    Lie(
        "a 3-line record of two lines",
        "chains",
        b">k\nMKVL\nHHHH\n>l\nMKVL\nHHHC\n>a\nMKVL\n",
        "line 7, 'a': lines under the header: 1; the 3-line form has two (sequence, "
        "labels)\n"
        "chains labelled with three states (H, E, C) only: 2\n"
        "taken: k, l",
    ),
)
