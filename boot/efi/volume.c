/* The files of \vm64 on the volume that the loader itself came from. */
/* Part: boot/efi, the way in from UEFI. */
#include "boot/efi/loader.h"

#define FOLDER L"\\vm64"
#define NAME_ROOM 256	/* characters of a file's name in EFI_FILE_INFO */

static EFI_FILE_HANDLE folder;

bool volume_open(EFI_HANDLE image)
{
	EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
	EFI_GUID volume_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
	EFI_LOADED_IMAGE *loaded = 0;
	EFI_FILE_IO_INTERFACE *volume = 0;
	EFI_FILE_HANDLE root = 0;
	EFI_STATUS status;

	status = BS->HandleProtocol(image, &image_guid, (void **)&loaded);
	if (EFI_ERROR(status) || loaded->DeviceHandle == 0) {
		loader_say(L"the firmware does not say where this loader came from.");
		return false;
	}
	status = BS->HandleProtocol(loaded->DeviceHandle, &volume_guid, (void **)&volume);
	if (EFI_ERROR(status)) {
		loader_say(L"this loader did not come from a volume with files (%r).", status);
		return false;
	}
	status = volume->OpenVolume(volume, &root);
	if (EFI_ERROR(status)) {
		loader_say(L"cannot open the volume this loader came from: %r.", status);
		return false;
	}
	status = root->Open(root, &folder, FOLDER, EFI_FILE_MODE_READ, 0);
	root->Close(root);
	if (EFI_ERROR(status)) {
		loader_say(L"the volume has no folder " FOLDER L": %r.", status);
		return false;
	}
	return true;
}

void volume_close(void)
{
	folder->Close(folder);
	folder = 0;
}

static enum boot_module_fault find_size(EFI_FILE_HANDLE file, uint64_t *size)
{
	static union {
		EFI_FILE_INFO info;
		uint8_t room[sizeof(EFI_FILE_INFO) + NAME_ROOM * sizeof(CHAR16)];
	} answer;
	EFI_GUID guid = EFI_FILE_INFO_ID;
	UINTN len = sizeof(answer);

	if (EFI_ERROR(file->GetInfo(file, &guid, &len, &answer)))
		return BOOT_MODULE_READ_ERROR;
	if (answer.info.Attribute & EFI_FILE_DIRECTORY)
		return BOOT_MODULE_READ_ERROR;
	*size = answer.info.FileSize;
	return BOOT_MODULE_OK;
}

/* One Read() for the whole file: each call costs a disk command's full delay. */
static enum boot_module_fault read_file(EFI_FILE_HANDLE file, struct boot_module *m)
{
	enum boot_module_fault fault = find_size(file, &m->size);
	uint64_t room;
	UINTN got;

	if (fault != BOOT_MODULE_OK)
		return fault;
	if (m->size > UINT64_MAX - LOADER_PAGE)
		return BOOT_MODULE_TOO_BIG;
	room = (m->size + LOADER_PAGE - 1) & ~(LOADER_PAGE - 1);
	m->base = storage_pages(room, false);
	if (m->base == 0)
		return BOOT_MODULE_TOO_BIG;
	got = m->size;
	if (m->size != 0 && (EFI_ERROR(file->Read(file, &got, (void *)m->base)) || got != m->size)) {
		storage_free(m->base, room);
		return BOOT_MODULE_READ_ERROR;
	}
	/* What is left of the last page must not carry old storage to a guest. */
	BS->SetMem((void *)(m->base + m->size), room - m->size, 0);
	return BOOT_MODULE_OK;
}

void volume_read(const char *name, struct boot_module *m)
{
	CHAR16 wide[BOOT_NAME_LEN];
	EFI_FILE_HANDLE file = 0;
	EFI_STATUS status;
	unsigned int i;

	BS->SetMem(m, sizeof(*m), 0);
	for (i = 0; i < BOOT_NAME_LEN - 1 && name[i]; i++) {
		m->name[i] = name[i];
		wide[i] = (CHAR16)(unsigned char)name[i];
	}
	wide[i] = 0;
	status = folder->Open(folder, &file, wide, EFI_FILE_MODE_READ, 0);
	if (EFI_ERROR(status)) {
		m->status = status == EFI_NOT_FOUND ? BOOT_MODULE_MISSING : BOOT_MODULE_READ_ERROR;
		return;
	}
	m->status = read_file(file, m);
	file->Close(file);
	if (m->status != BOOT_MODULE_OK)
		m->base = m->size = 0;
}
