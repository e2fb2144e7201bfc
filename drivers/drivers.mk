# The console font: Debian's (package console-setup-linux), made into an object file at build time.
# Part: gives mk/kernel.mk the file build/font.o; its bytes lie between _binary_font_psf_start and _end.

FONT_CHOICE = /usr/share/consolefonts/Lat15-Terminus16.psf.gz \
	      /usr/share/consolefonts/Lat15-VGA16.psf.gz \
	      /usr/share/consolefonts/Lat15-Fixed16.psf.gz

# Looked for in the recipe, not as a prerequisite: the package may come during the same run of make.
# objcopy names its symbols after the file as given, therefore it runs inside build/.
build/font.o: drivers/drivers.mk
	@mkdir -p build
	@font=; for f in $(FONT_CHOICE); do if [ -r $$f ]; then font=$$f; break; fi; done; \
	if [ -z "$$font" ]; then echo "no console font: install console-setup-linux" >&2; exit 1; fi; \
	gzip -dc $$font >build/font.psf
	cd build && objcopy -I binary -O elf64-x86-64 -B i386:x86-64 \
		--rename-section .data=.rodata,alloc,load,readonly,data,contents \
		--add-section .note.GNU-stack=/dev/null \
		--set-section-flags .note.GNU-stack=contents,readonly font.psf font.o
