import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { DeleteMediumRequest as _tessera_v1_DeleteMediumRequest, DeleteMediumRequest__Output as _tessera_v1_DeleteMediumRequest__Output } from './tessera/v1/DeleteMediumRequest.js';
import type { DeleteMediumResponse as _tessera_v1_DeleteMediumResponse, DeleteMediumResponse__Output as _tessera_v1_DeleteMediumResponse__Output } from './tessera/v1/DeleteMediumResponse.js';
import type { DownloadRequest as _tessera_v1_DownloadRequest, DownloadRequest__Output as _tessera_v1_DownloadRequest__Output } from './tessera/v1/DownloadRequest.js';
import type { DownloadResponse as _tessera_v1_DownloadResponse, DownloadResponse__Output as _tessera_v1_DownloadResponse__Output } from './tessera/v1/DownloadResponse.js';
import type { GetMediumRequest as _tessera_v1_GetMediumRequest, GetMediumRequest__Output as _tessera_v1_GetMediumRequest__Output } from './tessera/v1/GetMediumRequest.js';
import type { ListMediaRequest as _tessera_v1_ListMediaRequest, ListMediaRequest__Output as _tessera_v1_ListMediaRequest__Output } from './tessera/v1/ListMediaRequest.js';
import type { ListMediaResponse as _tessera_v1_ListMediaResponse, ListMediaResponse__Output as _tessera_v1_ListMediaResponse__Output } from './tessera/v1/ListMediaResponse.js';
import type { MediaClient as _tessera_v1_MediaClient, MediaDefinition as _tessera_v1_MediaDefinition } from './tessera/v1/Media.js';
import type { Medium as _tessera_v1_Medium, Medium__Output as _tessera_v1_Medium__Output } from './tessera/v1/Medium.js';
import type { UploadRequest as _tessera_v1_UploadRequest, UploadRequest__Output as _tessera_v1_UploadRequest__Output } from './tessera/v1/UploadRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  tessera: {
    v1: {
      DeleteMediumRequest: MessageTypeDefinition<_tessera_v1_DeleteMediumRequest, _tessera_v1_DeleteMediumRequest__Output>
      DeleteMediumResponse: MessageTypeDefinition<_tessera_v1_DeleteMediumResponse, _tessera_v1_DeleteMediumResponse__Output>
      DownloadRequest: MessageTypeDefinition<_tessera_v1_DownloadRequest, _tessera_v1_DownloadRequest__Output>
      DownloadResponse: MessageTypeDefinition<_tessera_v1_DownloadResponse, _tessera_v1_DownloadResponse__Output>
      GetMediumRequest: MessageTypeDefinition<_tessera_v1_GetMediumRequest, _tessera_v1_GetMediumRequest__Output>
      ListMediaRequest: MessageTypeDefinition<_tessera_v1_ListMediaRequest, _tessera_v1_ListMediaRequest__Output>
      ListMediaResponse: MessageTypeDefinition<_tessera_v1_ListMediaResponse, _tessera_v1_ListMediaResponse__Output>
      Media: SubtypeConstructor<typeof grpc.Client, _tessera_v1_MediaClient> & { service: _tessera_v1_MediaDefinition }
      Medium: MessageTypeDefinition<_tessera_v1_Medium, _tessera_v1_Medium__Output>
      UploadRequest: MessageTypeDefinition<_tessera_v1_UploadRequest, _tessera_v1_UploadRequest__Output>
    }
  }
}

