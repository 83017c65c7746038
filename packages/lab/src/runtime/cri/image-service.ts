import { status } from '@grpc/grpc-js';
import { nanosecondsNow } from '../clock.ts';
import type { CatalogueFiles } from '../images/catalogue-files.ts';
import type { Image } from '../images/image.ts';
import type { ImageSpec } from './messages.ts';
import { CallError, type Handlers } from './protocol.ts';

/** The calls of `runtime.v1.ImageService`: the catalogue's images are all here, and no others ever come. */
export function imageService(catalogue: CatalogueFiles, stateFolder: string): Handlers {
  return {
    ListImages: async ({ filter }: { filter: { image: ImageSpec | null } | null }) => {
      const images = await catalogue.current();
      const wanted = filter?.image?.image;
      if (wanted)
        return { images: [images.find(wanted)].flatMap((image) => (image ? [summary(image)] : [])) };
      return { images: images.images.map((image) => summary(image)) };
    },
    ImageStatus: async ({ image }: { image: ImageSpec | null }) => {
      const found = (await catalogue.current()).find(image?.image ?? '');
      return { image: found ? summary(found) : null, info: {} };
    },
    PullImage: async ({ image }: { image: ImageSpec | null }) => {
      const name = image?.image ?? '';
      const images = await catalogue.current();
      const found = images.find(name);
      if (!found) throw new CallError(status.NOT_FOUND, images.explainMissing(name));
      return { imageRef: found.id };
    },
    // Images take no room of their own, so there is nothing to free.
    RemoveImage: () => ({}),
    ImageFsInfo: () => {
      const usage = {
        timestamp: nanosecondsNow(),
        fsId: { mountpoint: stateFolder },
        usedBytes: { value: 0 },
        inodesUsed: { value: 0 },
      };
      return { imageFilesystems: [usage], containerFilesystems: [usage] };
    },
  };
}

function summary(image: Image) {
  const [user = ''] = image.user.split(':');
  const isNumber = /^\d+$/.test(user);
  return {
    id: image.id,
    repoTags: [image.name],
    repoDigests: [],
    // The kubelet takes a size of 0 for a broken answer; the programs themselves belong to the machine.
    size: '1',
    uid: isNumber ? { value: user } : user === '' ? { value: '0' } : null,
    username: isNumber ? '' : user,
    spec: { image: image.name },
    pinned: true,
  };
}
