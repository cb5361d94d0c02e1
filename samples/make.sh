#!/usr/bin/env bash
# Makes speech.flac and talk.mp4 of this folder again: espeak-ng speech, over the photographs and rendered slides.
# Needs espeak-ng, ffmpeg, sox and ImageMagick. The results are committed, so nobody has to run this.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { # say FILE WORDS…: 16 kHz mono speech with half a second of silence around it
  local out=$1; shift
  espeak-ng -v en-us+klatt2 -s 130 -g 3 -w "$work/raw.wav" "$*"
  sox -q "$work/raw.wav" -r 16000 -c 1 "$out" gain -n -3 pad 0.6 0.9
}
slide() { # slide FILE TITLE
  convert -size 640x360 'xc:#1d2b3a' -fill '#f4e9d8' -gravity center -pointsize 40 -annotate 0 "$2" "$1"
}
photo() { # photo FILE OUT
  convert "$1" -resize 640x360 -background black -gravity center -extent 640x360 "$2"
}

say speech.wav "The old library in the harbor was opened in eighteen eighty four. It holds more than thirty thousand books, and every visitor may borrow five of them."
sox -q speech.wav speech.flac && rm speech.wav

slide "$work/1.png" 'Three short stories'
photo cat.jpg "$work/2.png"
photo coffee.jpg "$work/3.png"
photo rocket.jpg "$work/4.png"
slide "$work/5.png" 'The end'
say "$work/1.wav" "Welcome. In this short film you will hear three stories."
say "$work/2.wav" "The first story is about a cat. Her name is Molly, and she sleeps in the garden all day."
say "$work/3.wav" "The second story is about coffee. The coffee in this cup was grown in the mountains of Peru."
say "$work/4.wav" "The third story is about a rocket. The rocket carried a weather satellite into space in February."
say "$work/5.wav" "That is the end. Thank you for watching."

for i in 1 2 3 4 5; do
  seconds=$(soxi -D "$work/$i.wav")
  ffmpeg -nostdin -v error -y -loop 1 -framerate 12 -i "$work/$i.png" -i "$work/$i.wav" -t "$seconds" \
    -c:v libx264 -preset slow -crf 28 -pix_fmt yuv420p -c:a aac -b:a 48k -ac 1 "$work/$i.mp4"
  echo "file '$work/$i.mp4'" >> "$work/list.txt"
  echo "$i $seconds"
done
ffmpeg -nostdin -v error -y -f concat -safe 0 -i "$work/list.txt" -c:v libx264 -preset slow -crf 28 -pix_fmt yuv420p -c:a aac -b:a 48k \
  -movflags +faststart talk.mp4
