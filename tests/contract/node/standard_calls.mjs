// The two services that every gRPC server may have beside its own, for clients that know nothing of
// Doorstep: grpc.health.v1.Health and grpc.reflection.v1alpha.ServerReflection. The messages are
// the published ones, as far as they are used here.
import { createRequire } from 'node:module';

import grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';

createRequire(import.meta.url)('protobufjs/ext/descriptor');

const { root } = protobuf.parse(`
  syntax = "proto3";
  package grpc;
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }
  message ServerReflectionRequest {
    string host = 1;
    oneof message_request { string file_containing_symbol = 4; string list_services = 7; }
  }
  message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
  message ServiceResponse { string name = 1; }
  message ListServiceResponse { repeated ServiceResponse service = 1; }
  message ErrorResponse { int32 error_code = 1; string error_message = 2; }
  message ServerReflectionResponse {
    oneof message_response {
      FileDescriptorResponse file_descriptor_response = 4;
      ListServiceResponse list_services_response = 6;
      ErrorResponse error_response = 7;
    }
  }`, { keepCase: true });
const type = (name) => root.lookupType(`grpc.${name}`);
const write = (name) => (fields) => Buffer.from(type(name).encode(type(name).create(fields)).finish());
const read = (name) => (bytes) => type(name).toObject(type(name).decode(bytes), { enums: String });

// "SERVING"; `service` "": the server as a whole. `stub`: a grpc.Client.
export function health(stub, service) {
  return new Promise((resolve, reject) => {
    stub.makeUnaryRequest('/grpc.health.v1.Health/Check', write('HealthCheckRequest'),
      read('HealthCheckResponse'), { service },
      (error, answer) => (error ? reject(error) : resolve(answer.status ?? 'UNKNOWN')));
  });
}

function reflect(stub, request) {
  return new Promise((resolve, reject) => {
    const call = stub.makeBidiStreamRequest(
      '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
      write('ServerReflectionRequest'), read('ServerReflectionResponse'));
    call.on('data', (answer) => {
      resolve(answer);
      call.end();
    });
    call.on('error', reject);
    call.write(request);
  });
}

// The names of all services, sorted.
export async function listServices(stub) {
  const answer = await reflect(stub, { list_services: '' });
  return answer.list_services_response.service.map((each) => each.name).sort();
}

// The methods of a service, sorted, from the descriptor that the server hands out.
export async function listMethods(stub, service) {
  const answer = await reflect(stub, { file_containing_symbol: service });
  const files = answer.file_descriptor_response.file_descriptor_proto.map(
    (bytes) => protobuf.descriptor.FileDescriptorProto.decode(bytes));
  return files.flatMap((file) => file.service.filter(
    (each) => `${file.package}.${each.name}` === service)).flatMap((each) => each.method)
    .map((method) => method.name).sort();
}
