/** The direction of imports (docs/architecture.md). A violation fails `npm run lint`. */
const only = (vendor, owner) => ({
  name: `${vendor.replace(/\W+/g, '-')}-only-in-${owner.replace(/\W+/g, '-')}`,
  severity: 'error',
  from: { path: '^(apps|libs|encoders)/', pathNot: `^(${owner})` },
  to: { path: `^node_modules/${vendor}(/|$)` },
});
const never = (name, from, to, pathNot) => ({
  name,
  severity: 'error',
  from: { path: from, ...(pathNot ? { pathNot } : {}) },
  to: { path: to },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    never('contracts-is-a-leaf', '^libs/contracts/', '^(apps|encoders|libs/(?!contracts/))'),
    never('platform-knows-contracts-only', '^libs/platform/', '^(apps|encoders|libs/(?!contracts/|platform/))'),
    never(
      'runtime-knows-platform-and-contracts',
      '^libs/runtime/',
      '^(apps|encoders|libs/(?!contracts/|platform/|runtime/))',
    ),
    never('rpc-knows-platform-and-contracts', '^libs/rpc/', '^(apps|encoders|libs/(?!contracts/|platform/|rpc/))'),
    {
      name: 'middle-libs-never-import-each-other',
      severity: 'error',
      from: { path: '^libs/(jobs|media|decoder|storage)/' },
      to: { path: '^(apps|encoders|libs/(?!contracts/|platform/|rpc/|runtime/|$1/))' },
    },
    never(
      'encoders-know-runtime-media-contracts',
      '^encoders/',
      '^(apps|libs/(?!contracts/|media/|runtime/|platform/))',
    ),
    never('libs-never-import-apps', '^(libs|encoders)/', '^apps/'),
    never('api-never-processes', '^apps/api/', '^(libs/(media|runtime|decoder)/|encoders/)'),
    only('@opentelemetry', 'libs/platform/'),
    only('bullmq', 'libs/jobs/'),
    only('sharp', 'libs/media/'),
    only('fluent-ffmpeg', 'libs/media/'),
    only('onnxruntime-node', 'libs/runtime/'),
    only('(pdfjs-dist|@napi-rs|tesseract\\.js|htmlparser2|fflate)', 'libs/media/'),
    only('(@grpc|grpc-health-check)', 'libs/rpc/'),
    only('@aws-sdk', 'libs/storage/'),
    only('pg', 'libs/(storage|platform|jobs)/'),
    {
      name: 'enter-a-lib-by-its-barrel',
      severity: 'error',
      from: { path: '^(apps|libs|encoders)/([^/]+)/' },
      to: { path: '^libs/[^/]+/', pathNot: ['^libs/[^/]+/index\\.ts$', '^$1/$2/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.spec\\.ts$|^dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['tessera-source', 'import', 'require', 'node', 'default'],
      exportsFields: ['exports'],
    },
  },
};
